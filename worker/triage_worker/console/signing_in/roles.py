"""Roles: each may do what those before it may."""

from dataclasses import dataclass

from triage_worker.config.console_values import ROLES, Role


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who is signed in.

    Attributes:
        name: by which they signed in; acts are recorded under it.
        role: what they may do.
        by: how they signed in: password, issuer or code.
    """

    name: str
    role: Role
    by: str

    def may(self, role: Role) -> bool:
        """Whether this person may do what a role may."""
        return ROLES.index(self.role) >= ROLES.index(role)
