"""Packs the chart. It needs Helm's SDK, which deploy/release/install puts into the environment of `make release`."""

import json
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import helm_python

from deploy.release.artifacts import archive
from deploy.release.source import Source, set_times

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
CONTENT = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


def chart(source: Source, target: Path) -> None:
    """Write the chart as Helm packs it, and the same as an image layout that a registry takes."""
    folder = source.folder / "deploy" / "helm" / "triage"
    set_times(folder, source.epoch)
    packed = Path(helm_python.package(folder, destination=target)).read_bytes()
    with helm_python.Chart.load_archive(packed) as loaded:
        metadata = loaded.metadata
    work = source.folder.parent / "chart"
    layout(work, source, metadata, packed)
    archive(work, target / f"triage-chart-{source.version}.oci.tar", source.epoch)


def layout(folder: Path, source: Source, metadata: dict[str, Any], packed: bytes) -> None:
    """Write an image layout (OCI 1.1) as `helm push` would fill a registry: Helm itself writes to registries alone.

    Args:
        folder: where to; it must not exist.
        source: the release.
        metadata: the content of Chart.yaml.
        packed: the chart's archive.
    """
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(media_type: str, content: bytes) -> dict[str, Any]:
        digest = sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    about = {
        "created": datetime.fromtimestamp(source.epoch, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "description": metadata["description"],
        "revision": source.commit,
        "title": metadata["name"],
        "version": metadata["version"],
    }
    manifest = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": blob(CONFIG, _json(metadata)),
        "layers": [blob(CONTENT, packed)],
        "annotations": {f"org.opencontainers.image.{key}": value for key, value in about.items()},
    }
    entry = blob(MANIFEST, _json(manifest)) | {"annotations": {"org.opencontainers.image.ref.name": source.version}}
    (folder / "index.json").write_bytes(_json({"schemaVersion": 2, "manifests": [entry]}))
    (folder / "oci-layout").write_bytes(_json({"imageLayoutVersion": "1.0.0"}))


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()
