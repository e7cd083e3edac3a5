"""ServiceAccount: every pod runs as an account of its namespace, and gets its token.

Neighbours: the service account controller makes `default` in each namespace, the token is asked
for by the kubelet when it mounts the projected volume that is added here.
"""

import asyncio
import contextlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import ClassVar

from apimachinery import fields, names, scheme, status
from apimachinery.names import Rng
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, Attempt, Plugin
from apiserver.cache import Entry, WatchCache

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607
"""An hour and a little, as Kubernetes marks the tokens that it adds by itself."""
MIRROR = "kubernetes.io/config.mirror"
ROOT_CA = "kube-root-ca.crt"

DEFAULT = "default"
APPEAR_SECONDS = 1.0
"""Who makes a pod right after its namespace need not wait for this account (Kubernetes' number)."""

ACCOUNTS_KEPT = 1024
"""Accounts read lately: pods are created far more often than accounts change."""


@dataclass(frozen=True, slots=True)
class Account:
    """What matters of a service account, at one revision."""

    revision: int
    mounts_token: bool
    pull_secrets: tuple[str, ...]


class ServiceAccounts(Plugin):
    """Sets the account, adds the token's volume and mounts."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})

    def __init__(self, cache: WatchCache, entropy: Rng) -> None:
        self._cache = cache
        self._entropy = entropy
        self._known: OrderedDict[str, Account] = OrderedDict()

    async def mutate(self, attempt: Attempt) -> None:
        pod = attempt.obj
        assert pod is not None, "a create has an object"
        spec = pod.setdefault("spec", {})
        if MIRROR in (pod["metadata"].get("annotations") or {}):
            return
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or DEFAULT
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = await self._account(attempt, name)
        if spec.get("automountServiceAccountToken", account.mounts_token):
            self._add_token(spec)
        if not spec.get("imagePullSecrets") and account.pull_secrets:
            spec["imagePullSecrets"] = [{"name": secret} for secret in account.pull_secrets]

    async def _account(self, attempt: Attempt, name: str) -> Account:
        entry = self._cache.get(scheme.SERVICEACCOUNTS, attempt.namespace, name)
        if entry is None:
            await self._cache.fresh()
            entry = self._cache.get(scheme.SERVICEACCOUNTS, attempt.namespace, name)
        if entry is None and name == DEFAULT:
            await self._appears(attempt.namespace)
            entry = self._cache.get(scheme.SERVICEACCOUNTS, attempt.namespace, name)
        if entry is None:
            raise status.forbidden(
                "pods",
                attempt.name,
                f"error looking up service account {attempt.namespace}/{name}: "
                f"serviceaccount {status.quote(name)} not found",
            )
        known = self._known.get(entry.key)
        if known is None or known.revision != entry.revision:
            known = self._known[entry.key] = _read(entry)
            if len(self._known) > ACCOUNTS_KEPT:
                self._known.popitem(last=False)
        return known

    async def _appears(self, namespace: str) -> None:
        """Wait for the account that every namespace is given in a moment."""
        named = fields.from_set({"metadata.name": DEFAULT})
        watcher = self._cache.watch(scheme.SERVICEACCOUNTS, namespace, fields=named)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(APPEAR_SECONDS), watcher:
                async for _ in watcher:
                    return

    def _add_token(self, spec: JsonObject) -> None:
        """One volume for all containers that do not mount something at the place themselves."""
        volumes = spec.get("volumes") or []
        present = next(
            (
                volume["name"]
                for volume in volumes
                if str(volume.get("name", "")).startswith(VOLUME_PREFIX) and "projected" in volume
            ),
            "",
        )
        name = present or VOLUME_PREFIX + names.random_suffix(self._entropy)
        mounted = False
        for container in [*(spec.get("initContainers") or []), *(spec.get("containers") or [])]:
            mounts = container.get("volumeMounts") or []
            if any(mount.get("mountPath") == MOUNT_PATH for mount in mounts):
                continue
            mounted = True
            container["volumeMounts"] = [
                *mounts,
                {"name": name, "readOnly": True, "mountPath": MOUNT_PATH},
            ]
        if mounted and not present:
            spec["volumes"] = [*volumes, {"name": name, "projected": _projection()}]


def _read(entry: Entry) -> Account:
    obj = entry.parse()
    return Account(
        entry.revision,
        mounts_token=obj.get("automountServiceAccountToken") is not False,
        pull_secrets=tuple(one.get("name", "") for one in obj.get("imagePullSecrets") or []),
    )


def _projection() -> JsonObject:
    """Token, the cluster's CA and the namespace, in one directory."""
    return {
        "defaultMode": 420,
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": ROOT_CA, "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {
                "downwardAPI": {
                    "items": [
                        {
                            "path": "namespace",
                            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                        }
                    ]
                }
            },
        ],
    }
