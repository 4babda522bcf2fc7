"""Building blocks of a dashboard. ``{NS`` in a query is replaced by the selected namespace."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["timeseries", "stat", "bargauge"]
WORKER = '{NS, job="triage-worker"'
FALLBACK = '{NS, job="triage-fallback"'


@dataclass(frozen=True)
class Panel:
    """A panel. Queries are (legend, PromQL); thresholds are (lower bound, colour)."""

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
    """A titled row of panels."""

    title: str
    panels: tuple[Panel, ...]
    columns: int = 3


@dataclass(frozen=True)
class Board:
    """A dashboard; ``span`` is its initial time range."""

    uid: str
    title: str
    description: str
    span: str
    rows: tuple[Row, ...]


def quantiles(metric: str, by: str = "", where: str = "{NS}", legend: str = "") -> tuple[tuple[str, str], ...]:
    """Queries for the median and the 99th percentile of a histogram."""
    group = f"le, {by}" if by else "le"
    return tuple(
        (
            f"{legend} {name}".strip(),
            f"histogram_quantile({quantile}, sum by ({group}) (rate({metric}_bucket{where}[$__rate_interval])))",
        )
        for name, quantile in (("p50", 0.5), ("p99", 0.99))
    )
