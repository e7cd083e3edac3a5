"""Images of our own for the tests: busybox and a file or two, as `docker save` writes them."""

import hashlib
import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any


def archive(path: Path, reference: str, config: dict[str, Any], **files: bytes) -> Path:
    """Write the image to `path`; `config` says what runs, as in a Dockerfile."""
    busybox = shutil.which("busybox")
    assert busybox is not None, "apt-get install busybox-static"
    layer = tar({"bin/busybox": Path(busybox).read_bytes(), **files})
    described = {
        "architecture": "amd64",
        "os": "linux",
        "config": config,
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{hashlib.sha256(layer).hexdigest()}"]},
    }
    listing = [{"Config": "config.json", "RepoTags": [reference], "Layers": ["layer.tar"]}]
    documents = {"config.json": described, "manifest.json": listing}
    path.write_bytes(
        tar({**{name: json.dumps(one).encode() for name, one in documents.items()},
             "layer.tar": layer})
    )  # fmt: skip
    return path


def tar(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as out:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode = len(content), 0o755
            out.addfile(info, io.BytesIO(content))
    return buffer.getvalue()
