"""ServiceAccount: every pod runs as an account of its namespace, and gets its token.

Neighbours: the service account controller makes `default` in each namespace, the token is asked
for by the kubelet when it mounts the projected volume that is added here.
"""

from typing import ClassVar

from apimachinery import names, scheme, status
from apimachinery.names import Rng
from apimachinery.wire import JsonObject
from apiserver.admission.chain import CREATE, Attempt, Plugin
from apiserver.cache import WatchCache

MOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
VOLUME_PREFIX = "kube-api-access-"
TOKEN_SECONDS = 3607
"""An hour and a little, as Kubernetes marks the tokens that it adds by itself."""
MIRROR = "kubernetes.io/config.mirror"
ROOT_CA = "kube-root-ca.crt"


class ServiceAccounts(Plugin):
    """Sets the account, adds the token's volume and mounts."""

    kinds: ClassVar[frozenset[str] | None] = frozenset({"pods"})
    operations: ClassVar[frozenset[str]] = frozenset({CREATE})

    def __init__(self, cache: WatchCache, entropy: Rng) -> None:
        self._cache = cache
        self._entropy = entropy

    async def mutate(self, attempt: Attempt) -> None:
        pod = attempt.obj
        assert pod is not None, "a create has an object"
        spec = pod.setdefault("spec", {})
        if MIRROR in (pod["metadata"].get("annotations") or {}):
            return
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or "default"
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        account = await self._account(attempt, name)
        if _mounts_token(spec, account):
            self._add_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = account["imagePullSecrets"]

    async def _account(self, attempt: Attempt, name: str) -> JsonObject:
        entry = self._cache.get(scheme.SERVICEACCOUNTS, attempt.namespace, name)
        if entry is None:
            await self._cache.fresh()
            entry = self._cache.get(scheme.SERVICEACCOUNTS, attempt.namespace, name)
        if entry is None:
            raise status.forbidden(
                "pods",
                attempt.name,
                f"error looking up service account {attempt.namespace}/{name}: "
                f"serviceaccount {status.quote(name)} not found",
            )
        return entry.parse()

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


def _mounts_token(spec: JsonObject, account: JsonObject) -> bool:
    """The pod's word counts, then the account's; unsaid is yes."""
    for holder in (spec, account):
        wanted = holder.get("automountServiceAccountToken")
        if wanted is not None:
            return bool(wanted)
    return True


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
