"""A second network, connected with this one by a cable that can be cut: a zone of a cluster. Needs root and ``ip``."""

import os
import random
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager


class Zone:
    """A network namespace.

    Attributes:
        outside: the address of this side.
        inside: the address in the zone.
        prefix: the command that runs another one in the zone.
    """

    def __init__(self) -> None:
        self._name = f"triage-{os.getpid()}"
        self._outer, self._inner = f"tgd{os.getpid() % 100_000}a", f"tgd{os.getpid() % 100_000}b"
        third = random.randrange(1, 255)
        self.outside, self.inside = f"10.213.{third}.1", f"10.213.{third}.2"
        self.prefix: Sequence[str] = ("ip", "netns", "exec", self._name)

    def cut(self) -> None:
        """Drop every packet between the zone and the rest, without an answer to the sender."""
        _ip(*self.prefix[1:], "ip", "link", "set", self._inner, "down")

    def mend(self) -> None:
        """Connect the zone again."""
        _ip(*self.prefix[1:], "ip", "link", "set", self._inner, "up")
        self._fix_neighbours()

    @contextmanager
    def running(self) -> Iterator["Zone"]:
        """Create the zone within the context."""
        _ip("netns", "add", self._name)
        try:
            _ip("link", "add", self._outer, "type", "veth", "peer", "name", self._inner)
            _ip("link", "set", self._inner, "netns", self._name)
            _ip("addr", "add", f"{self.outside}/30", "dev", self._outer)
            _ip("link", "set", self._outer, "up")
            _ip(*self.prefix[1:], "ip", "addr", "add", f"{self.inside}/30", "dev", self._inner)
            _ip(*self.prefix[1:], "ip", "link", "set", "lo", "up")
            self.mend()
            yield self
        finally:
            subprocess.run(["ip", "link", "del", self._outer], check=False, capture_output=True)
            _ip("netns", "del", self._name)

    def _fix_neighbours(self) -> None:
        """Set both hardware addresses, so that packets to a zone that is cut off vanish and are not refused."""
        inside = _ip(*self.prefix[1:], "cat", f"/sys/class/net/{self._inner}/address")
        outside = _ip("-o", "link", "show", self._outer).partition("link/ether ")[2].split()[0]
        _ip("neigh", "replace", self.inside, "lladdr", inside.strip(), "dev", self._outer, "nud", "permanent")
        neighbour = (self.outside, "lladdr", outside, "dev", self._inner, "nud", "permanent")
        _ip(*self.prefix[1:], "ip", "neigh", "replace", *neighbour)


def _ip(*arguments: str) -> str:
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()} (a zone needs root and iproute2)")
    return done.stdout
