"""Writes the Grafana dashboards into the chart: `python -m deploy.dashboards.build`.

A panel is defined by a title, a unit and queries. Its position and style are derived from them.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.dashboards.panels import Board, Panel, Row
from deploy.dashboards.quality import QUALITY
from deploy.dashboards.service import SERVICE

FOLDER = Path(__file__).parents[1] / "helm" / "triage" / "files" / "dashboards"
WIDTH = 24
HEIGHT = 8
STAT_HEIGHT = 4
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
PANELS = {"row": None, "bargauge": "Bar gauge", "stat": "Stat", "timeseries": "Time series"}
"""The kinds of panels, with Grafana's names of those that are plug-ins."""


@dataclass
class Place:
    """Grid position of the next panel."""

    x: int = 0
    y: int = 0
    identity: int = 0

    def take(self, width: int, height: int) -> dict[str, int]:
        """Return the grid position of the next panel, on a new row if it does not fit."""
        if self.x + width > WIDTH:
            self.x, self.y = 0, self.y + height
        position = {"h": height, "w": width, "x": self.x, "y": self.y}
        self.x += width
        return position


def dashboard(board: Board) -> dict[str, Any]:
    """Convert a board to Grafana's JSON."""
    place = Place()
    panels = [panel for row in board.rows for panel in _row(row, place)]
    return {
        "__inputs": [],  # the source of data is a variable, so nothing is asked when the dashboard is imported
        "__requires": _requires({panel["type"] for panel in panels}),
        "id": None,
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["triage"],
        "timezone": "browser",
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": f"now-{board.span}", "to": "now"},
        "templating": {"list": _variables()},
        "links": [
            {"type": "dashboards", "tags": ["triage"], "title": "Triage", "asDropdown": True, "keepTime": True},
        ],
        "panels": panels,
    }


def _requires(kinds: set[str]) -> list[dict[str, str]]:
    """List what a dashboard needs, as grafana.com shows it. Grafana 11 is the first that writes this schemaVersion."""
    return [
        {"type": "grafana", "id": "grafana", "name": "Grafana", "version": "11.0.0"},
        {"type": "datasource", "id": "prometheus", "name": "Prometheus", "version": "1.0.0"},
        *(
            {"type": "panel", "id": kind, "name": name, "version": ""}
            for kind in sorted(kinds)
            if (name := PANELS[kind])
        ),
    ]


def _variables() -> list[dict[str, Any]]:
    namespace = "label_values(triage_messages_read_total, namespace)"
    return [
        {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"},
        {
            "name": "namespace",
            "label": "Namespace",
            "type": "query",
            "datasource": SOURCE,
            "query": {"query": namespace, "refId": "namespaces"},
            "refresh": 2,
            "includeAll": True,
            "allValue": ".*",  # also without namespaces, as with Compose
            "current": {"text": "All", "value": "$__all"},
        },
    ]


def _row(row: Row, place: Place) -> list[dict[str, Any]]:
    place.identity += 1
    header = {
        "id": place.identity,
        "type": "row",
        "title": row.title,
        "collapsed": False,
        "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": place.y},
        "panels": [],
    }
    place.y += 1
    height = STAT_HEIGHT if all(panel.kind == "stat" for panel in row.panels) else HEIGHT
    panels = [_panel(panel, place, WIDTH // row.columns, height) for panel in row.panels]
    place.x, place.y = 0, place.y + height
    return [header, *panels]


def _panel(panel: Panel, place: Place, width: int, height: int) -> dict[str, Any]:
    place.identity += 1
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.thresholds:
        steps: list[dict[str, Any]] = [{"color": "green", "value": None}]
        steps += [{"color": color, "value": value} for value, color in panel.thresholds]
        defaults |= {"thresholds": {"mode": "absolute", "steps": steps}}
    if panel.kind == "timeseries":
        style: dict[str, Any] = {"fillOpacity": 25 if panel.stacked else 8, "lineWidth": 1, "showPoints": "never"}
        style["stacking"] = {"mode": "normal" if panel.stacked else "none"}
        style["thresholdsStyle"] = {"mode": "line" if panel.thresholds else "off"}
        defaults["custom"] = style
    return {
        "id": place.identity,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": SOURCE,
        "gridPos": place.take(width, height),
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "options": _options(panel),
        "targets": [
            {
                "refId": chr(ord("A") + number),
                "datasource": SOURCE,
                "expr": query.replace("{NS", '{namespace=~"$namespace"'),
                "legendFormat": legend,
                "instant": panel.kind != "timeseries",
                "range": panel.kind == "timeseries",
            }
            for number, (legend, query) in enumerate(panel.queries)
        ],
    }


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "stat":
        text = "name" if panel.shows_name else "auto"
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "background", "textMode": text}
    if panel.kind == "bargauge":
        return {"reduceOptions": {"calcs": ["lastNotNull"]}, "orientation": "horizontal", "displayMode": "basic"}
    return {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi", "sort": "desc"}}


def render() -> dict[str, str]:
    """Return the content of each dashboard file by its name."""
    return {f"{board.uid}.json": json.dumps(dashboard(board), indent=2) + "\n" for board in (SERVICE, QUALITY)}


def main() -> None:
    """Write the dashboards' files."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in render().items():
        (FOLDER / name).write_text(content, encoding="utf-8")


if __name__ == "__main__":
    main()
