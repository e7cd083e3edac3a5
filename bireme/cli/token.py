"""`bireme token …`: bootstrap tokens, with which nodes ask for their certificates.

A token is a Secret in kube-system, as in Kubernetes (kubeadm's tokens work too). Neighbours:
`join` uses what this prints.
"""

import asyncio
import base64
import secrets
import string
import time
from pathlib import Path
from typing import Any

from apimachinery import meta, scheme, status
from apimachinery.client import kubeconfig as kubeconfigs
from apimachinery.client.rest import Client
from apimachinery.client.transport import HttpTransport
from bireme.cli import join, paths
from bireme.cli.errors import CommandError
from bireme.cli.paths import DataDir

ID_LENGTH, SECRET_LENGTH = 6, 16
"""Kubernetes' format: [a-z0-9]{6}.[a-z0-9]{16}"""
ALPHABET = string.ascii_lowercase + string.digits
SECRET_TYPE = "bootstrap.kubernetes.io/token"  # noqa: S105  a type's name


def create(data_dir: Path | None, hours: float) -> None:
    """Make a token and print it with the command that uses it."""
    if hours <= 0:
        raise CommandError(f"--hours {hours:g}: a token must be good for some time")
    dirs = paths.data_dir(data_dir)
    identity = "".join(secrets.choice(ALPHABET) for _ in range(ID_LENGTH))
    secret = "".join(secrets.choice(ALPHABET) for _ in range(SECRET_LENGTH))
    config = asyncio.run(_store(dirs, identity, secret, time.time() + hours * 3600))
    print(join.encode_token(f"{identity}.{secret}", config.ca.decode()))


def show(data_dir: Path | None) -> None:
    """The ids and when they end; the secrets are not shown again."""
    for item in asyncio.run(_list(paths.data_dir(data_dir))):
        data = item.get("data") or {}
        ends = base64.b64decode(data.get("expiration", "")).decode() or "never"
        print(f"{base64.b64decode(data.get('token-id', '')).decode()} ends {ends}")


async def _store(dirs: DataDir, identity: str, secret: str, ends: float) -> kubeconfigs.Config:
    body = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": f"bootstrap-token-{identity}", "namespace": "kube-system"},
        "type": SECRET_TYPE,
        "stringData": {
            "token-id": identity,
            "token-secret": secret,
            "expiration": meta.format_time(ends),
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
            "auth-extra-groups": "system:bootstrappers:bireme:default-node-token",
        },
    }
    config = _config(dirs)
    client = Client(HttpTransport(config))
    try:
        await client.create(scheme.SECRETS, body, "kube-system")
    except status.ApiError as error:
        raise CommandError(error.message) from error
    finally:
        await client.close()
    return config


async def _list(dirs: DataDir) -> list[Any]:
    client = Client(HttpTransport(_config(dirs)))
    try:
        found = await client.list(
            scheme.SECRETS, "kube-system", field_selector=f"type={SECRET_TYPE}"
        )
    except status.ApiError as error:
        raise CommandError(error.message) from error
    finally:
        await client.close()
    return list(found["items"])


def _config(dirs: DataDir) -> kubeconfigs.Config:
    if not dirs.kubeconfig.exists():
        raise CommandError(f"there is no cluster in {dirs.root}: name it with --data-dir")
    return kubeconfigs.load(dirs.kubeconfig)
