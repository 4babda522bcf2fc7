"""Simulates a day of autoscaled workers, second by second: arrivals, a queue, pods that take time to start, rebalances.

Simplifications: all messages cost the same, all partitions are equally busy, and a rebalance stops every worker for a
fixed time. Workers go on with partitions that they keep, so the simulation overstates what a rebalance costs.
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
    """Messages a second: a daily wave between two rates, and a flash sale at noon that multiplies the rate."""

    night: float = 400.0
    day: float = 4_000.0
    sale: float = 3.0
    seed: int = 1

    def arrivals(self) -> Iterator[float]:
        """Yield the arrivals of each second, with noise like that of a Poisson process."""
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
    """Capacity of the pods, in seconds and messages a second."""

    partitions: int = 24
    pod_rate: float = 800.0
    start_s: int = 30
    rebalance_s: int = 3

    def capacity(self, pods: int) -> float:
        """Messages a second of a number of pods. The pod with most partitions limits how fast a backlog is cleared."""
        return self.pod_rate * self.partitions / math.ceil(self.partitions / pods)


@dataclass(frozen=True)
class Policy:
    """A rule for the number of pods.

    Args:
        name: name in the table and the plot.
        lag: messages of lag for each pod; None ignores lag.
        utilization: target share of a pod's capacity; None ignores it.
        least: fewest pods.
        most: most pods.
        poll_s: seconds between two evaluations.
        up: most pods to add within ``up_period_s`` seconds.
        up_period_s: see ``up``.
        down_window_s: the highest number of pods that was wanted within these seconds is used.
        down_period_s: seconds between the removal of two pods; 0 removes any number at once.
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
    """Result of a simulation; ``waits_s`` is the wait of the oldest message in each second."""

    pods: list[int] = field(default_factory=list)
    waits_s: list[float] = field(default_factory=list)
    rebalances: int = 0

    @property
    def pod_hours(self) -> float:
        """Hours that pods ran, over all pods."""
        return sum(self.pods) / 3_600

    @property
    def worst_s(self) -> float:
        """The longest wait of a message, in seconds."""
        return max(self.waits_s)

    def wait_s(self, share: float) -> float:
        """Return the quantile of the waits: this share of all seconds is not above it."""
        return sorted(self.waits_s)[int(share * (len(self.waits_s) - 1))]


class Scaler:
    """The rules of the horizontal pod autoscaler, with KEDA's metrics."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._asked: deque[tuple[int, int]] = deque()
        self._ups: deque[tuple[int, int]] = deque()
        self._down_at = -DAY_S

    def target(self, now: int, pods: int, lag: float, busy: float) -> int:
        """Return the wanted number of pods for a lag in messages and a used share of capacity."""
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
    """Simulate one day."""
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
