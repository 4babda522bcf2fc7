"""Reads image layouts in tar archives, and says which files of two images differ."""

import io
import json
import tarfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any


class Layout:
    """An image layout (OCI) in a tar archive, with one manifest."""

    def __init__(self, archive: Path) -> None:
        with tarfile.open(archive) as opened:
            self._files = {
                member.name.removeprefix("./"): read.read() for member in opened if (read := opened.extractfile(member))
            }
        (self.entry,) = json.loads(self._files["index.json"])["manifests"]
        self.manifest: dict[str, Any] = json.loads(self.blob(self.entry["digest"]))
        self.config: dict[str, Any] = json.loads(self.blob(self.manifest["config"]["digest"]))

    def blob(self, digest: str) -> bytes:
        """Return a blob, whose content must have its digest."""
        found = self._files[f"blobs/{digest.replace(':', '/')}"]
        assert digest == f"sha256:{sha256(found).hexdigest()}"
        return found

    def members(self) -> Iterator[tuple[int, str, tuple[Any, ...]]]:
        """Yield the number of the layer, the path and everything that counts of each file."""
        for number, layer in enumerate(self.manifest["layers"]):
            with tarfile.open(fileobj=io.BytesIO(self.blob(layer["digest"]))) as opened:
                for member in opened:
                    read = opened.extractfile(member) if member.isreg() else None
                    content = sha256(read.read()).hexdigest() if read else member.linkname
                    yield number, member.name, (member.mode, member.uid, member.gid, member.mtime, member.type, content)


def differences(one: Path, other: Path) -> list[str]:
    """Return the files that are not the same in two images, with the number of their layer."""
    first, second = ({file[:2]: file[2] for file in Layout(path).members()} for path in (one, other))
    names = sorted(first.keys() | second.keys())
    return [f"layer {name[0]}: {name[1]}" for name in names if first.get(name) != second.get(name)]
