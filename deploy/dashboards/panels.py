"""What a dashboard is made of. ``{NS`` in a query stands for the chosen namespace."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "bargauge"]
WORKER = '{NS, job="triage-worker"'
FALLBACK = '{NS, job="triage-fallback"'


@dataclass(frozen=True)
class Panel:
    """Queries as (legend, PromQL); thresholds as (from, colour)."""

    title: str
    unit: str
    queries: tuple[tuple[str, str], ...]
    description: str = ""
    kind: Kind = "timeseries"
    thresholds: tuple[tuple[float, str], ...] = ()
    stacked: bool = False
    shows_name: bool = False


@dataclass(frozen=True)
class Row:
    """Panels side by side."""

    title: str
    panels: tuple[Panel, ...]
    columns: int = 3


@dataclass(frozen=True)
class Board:
    """A dashboard; ``span`` is what it shows at first."""

    uid: str
    title: str
    description: str
    span: str
    rows: tuple[Row, ...]


def quantiles(metric: str, by: str = "", where: str = "{NS}", legend: str = "") -> tuple[tuple[str, str], ...]:
    """Median and 99th percentile of a histogram."""
    group = f"le, {by}" if by else "le"
    return tuple(
        (
            f"{legend} {name}".strip(),
            f"histogram_quantile({quantile}, sum by ({group}) (rate({metric}_bucket{where}[$__rate_interval])))",
        )
        for name, quantile in (("p50", 0.5), ("p99", 0.99))
    )
