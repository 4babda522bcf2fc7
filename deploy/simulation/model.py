"""A day of autoscaled workers, second by second: arrivals, a queue, pods that take time to come, and rebalances.

What is simplified: messages are all alike, partitions are equally busy, and a rebalance stops every worker (aiokafka
rebalances eagerly) for a fixed time.
"""

import math
import random
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

DAY_S = 86_400
SALE_AT_S = 12 * 3_600
SALE_S = 1_800


@dataclass(frozen=True)
class Traffic:
    """Messages a second: a daily wave between two rates, and at noon a flash sale of some times the rate."""

    night: float = 400.0
    day: float = 4_000.0
    sale: float = 3.0
    seed: int = 1

    def arrivals(self) -> Iterator[float]:
        """One number a second, with noise like that of a Poisson process."""
        chance = random.Random(self.seed)
        for second in range(DAY_S):
            wave = (1 - math.cos(2 * math.pi * (second / DAY_S - 1 / 12))) / 2
            rate = self.night + (self.day - self.night) * wave
            since = second - SALE_AT_S
            if 0 <= since < SALE_S:
                rate *= 1 + (self.sale - 1) * min(1.0, since / 60)
            yield max(0.0, chance.gauss(rate, math.sqrt(rate)))


@dataclass(frozen=True)
class Cluster:
    """What pods can do. Seconds and messages a second."""

    partitions: int = 24
    pod_rate: float = 800.0
    start_s: int = 30
    rebalance_s: int = 3

    def capacity(self, pods: int) -> float:
        """Messages a second of so many pods: the one with most partitions sets the pace of a standing backlog."""
        return self.pod_rate * self.partitions / math.ceil(self.partitions / pods)


@dataclass(frozen=True)
class Policy:
    """How many pods are asked for.

    Args:
        name: for people.
        lag: messages of lag that each pod may have; None does not look at lag.
        utilization: share of a pod's capacity to aim at; None does not look at it.
        poll_s: seconds between two looks.
        up: pods to add at most in ``up_period_s``; Kubernetes' own rule, doubling, where it is more.
        down_window_s: the most that was asked for in this time holds.
        down_period_s: seconds between two pods that go; 0 lets any number go at once.
    """

    name: str
    lag: float | None
    utilization: float | None = None
    least: int = 2
    most: int = 24
    poll_s: int = 15
    up: int = 4
    up_period_s: int = 30
    down_window_s: int = 300
    down_period_s: int = 0


@dataclass
class Day:
    """What came of it; ``waits_s`` is the wait of the oldest message at each second."""

    pods: list[int] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    rebalances: int = 0

    @property
    def pod_hours(self) -> float:
        return sum(self.pods) / 3_600

    @property
    def worst_s(self) -> float:
        return max(self.waits_s)

    def wait_s(self, share: float) -> float:
        """The wait that this share of all seconds stays below."""
        return sorted(self.waits_s)[int(share * (len(self.waits_s) - 1))]


class Scaler:
    """The horizontal autoscaler's rules, as KEDA feeds them."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._asked: deque[tuple[int, int]] = deque()
        self._ups: deque[tuple[int, int]] = deque()
        self._down_at = -DAY_S

    def target(self, now: int, pods: int, lag: float, busy: float) -> int:
        """Pods wanted, given the lag in messages and the share of their capacity that is in use."""
        policy = self._policy
        wanted = policy.least
        if policy.lag is not None:
            wanted = max(wanted, math.ceil(lag / policy.lag))
        if policy.utilization is not None and abs(busy / policy.utilization - 1) > 0.1:
            wanted = max(wanted, math.ceil(pods * busy / policy.utilization))
        elif policy.utilization is not None:
            wanted = max(wanted, pods)
        wanted = min(policy.most, wanted)
        self._asked.append((now, wanted))
        while self._asked[0][0] <= now - policy.down_window_s:
            self._asked.popleft()
        return self._up(now, pods, wanted) if wanted > pods else self._down(now, pods)

    def _up(self, now: int, pods: int, wanted: int) -> int:
        while self._ups and self._ups[0][0] <= now - self._policy.up_period_s:
            self._ups.popleft()
        left = self._policy.up - sum(added for _, added in self._ups)
        more = min(wanted - pods, max(0, left))
        if more:
            self._ups.append((now, more))
        return pods + more

    def _down(self, now: int, pods: int) -> int:
        floor = max(asked for _, asked in self._asked)
        if floor >= pods or now - self._down_at < self._policy.down_period_s:
            return pods
        self._down_at = now
        return pods - 1 if self._policy.down_period_s else floor


def simulate(traffic: Traffic, cluster: Cluster, policy: Policy) -> Day:
    """One day."""
    day, scaler = Day(), Scaler(policy)
    running, starting = policy.least, deque[tuple[int, int]]()
    stopped_until, done, come, lag = 0, 0.0, 0.0, 0.0
    history: deque[tuple[int, float]] = deque()
    used: deque[float] = deque(maxlen=60)
    for now, arrived in enumerate(traffic.arrivals()):
        come += arrived
        history.append((now, come))
        while starting and starting[0][0] <= now:
            running += starting.popleft()[1]
            stopped_until = now + cluster.rebalance_s
            day.rebalances += 1
        capacity = cluster.capacity(running) if now >= stopped_until else 0.0
        served = min(capacity, come - done)
        done += served
        lag = come - done
        used.append(served / (cluster.pod_rate * running))
        while len(history) > 1 and history[0][1] <= done:
            history.popleft()
        day.waits_s.append(now - history[0][0] if lag > 1 else 0.0)
        asked = running + sum(count for _, count in starting)
        day.pods.append(asked)
        if now % policy.poll_s == 0:
            target = scaler.target(now, asked, lag, sum(used) / len(used) * running / asked)
            if target > asked:
                starting.append((now + cluster.start_s, target - asked))
            elif target < asked and not starting:
                running = target
                stopped_until = now + cluster.rebalance_s
                day.rebalances += 1
    return day
