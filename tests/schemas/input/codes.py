"""All rejection codes and skip reasons, collected from where they are declared."""

from typing import get_args

from triage_schemas.input.formats import FORMATS
from triage_schemas.messages.message import COMMON_CODES, SkipReason

REJECTION_CODES = frozenset(COMMON_CODES).union(*(declared.codes for declared in FORMATS.values()))
"""Every code that a `triage_schemas.messages.message.Rejected` can have."""

SKIP_REASONS: tuple[SkipReason, ...] = get_args(SkipReason)
"""Every reason that a record can be skipped for."""
