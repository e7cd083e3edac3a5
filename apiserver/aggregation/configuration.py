"""What servers of aggregated groups need to trust this one: kube-system/extension-apiserver-authentication.

They read that ConfigMap at their start: whose certificates are clients', whose are ours, and in which
headers we tell who asks. Neighbours: `apiserver.identity.pki` has the certificates, `requests` the headers.
"""

import contextlib

import orjson

from apimachinery import scheme, status, wire
from apiserver.cache import Entry
from apiserver.core import Core
from apiserver.identity.pki import FRONT_PROXY, Pki
from apiserver.registry.strategy import Context

NAMESPACE, NAME = "kube-system", "extension-apiserver-authentication"
USER = wire.UserInfo("system:apiserver", groups=("system:masters",))


def data(keys: Pki) -> dict[str, str]:
    """The content of the ConfigMap."""

    def listed(*values: str) -> str:
        return orjson.dumps(values).decode()

    return {
        "client-ca-file": keys.ca.cert.read_text(),
        "requestheader-allowed-names": listed(FRONT_PROXY),
        "requestheader-client-ca-file": keys.front_proxy_authority.ca.cert.read_text(),
        "requestheader-extra-headers-prefix": listed("X-Remote-Extra-"),
        "requestheader-group-headers": listed("X-Remote-Group"),
        "requestheader-uid-headers": listed("X-Remote-Uid"),
        "requestheader-username-headers": listed("X-Remote-User"),
    }


async def publish(core: Core, keys: Pki) -> None:
    """Make the ConfigMap so."""
    registry = core.registries.of(scheme.CONFIGMAPS)
    context = Context(user=USER, now=core.clock.now())
    wanted = data(keys)
    if core.cache.get(scheme.CONFIGMAPS, NAMESPACE, NAME) is None:
        obj = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "data": wanted,
        }
        # Another server of the same store may be faster.
        with contextlib.suppress(status.AlreadyExists):
            await registry.create(obj, context)

    async def change(old: wire.JsonObject, entry: Entry) -> wire.JsonObject:
        del old
        return {**entry.parse(), "data": wanted}

    await registry.update(NAMESPACE, NAME, change, context, retry=True)
