"""Packs the chart. It needs Helm's SDK, which deploy/release/install puts into the environment of `make release`."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import helm_python

from deploy.release.artifacts import archive
from deploy.release.commands import TOOLS, output
from deploy.release.source import Source, set_times

CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def chart(source: Source, target: Path) -> None:
    """Write the chart as Helm packs it, and the same as an image layout that a registry takes."""
    folder = source.folder / "deploy" / "helm" / "triage"
    set_times(folder, source.epoch)
    packed = Path(helm_python.package(folder, destination=target))
    work = source.folder.parent / "chart"
    work.mkdir()
    shutil.copy2(packed, work)
    with helm_python.Chart.load_archive(packed.read_bytes()) as loaded:
        (work / "config.json").write_text(json.dumps(loaded.metadata, sort_keys=True), encoding="utf-8")
    about = {
        "created": datetime.fromtimestamp(source.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "revision": source.commit,
        "title": "triage",
        "version": source.version,
    }
    push = [TOOLS / "oras", "push", "--oci-layout", f"layout:{source.version}", "--config", f"config.json:{CONFIG}"]
    annotations = [f"--annotation=org.opencontainers.image.{key}={value}" for key, value in about.items()]
    output(*push, *annotations, f"{packed.name}:{CONTENT}", cwd=work)
    archive(work / "layout", target / f"triage-chart-{source.version}.oci.tar", source.epoch)
