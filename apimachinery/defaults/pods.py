"""Defaults of pods and of everything in a pod's specification: containers, probes, volumes.

Neighbours: `apimachinery.defaults.core` (pods themselves), `apimachinery.defaults.workloads`
(templates). The service account, priority and tolerations of a pod are admission's business.
"""

from typing import Any

from apimachinery import pod_amounts
from apimachinery.quantity import Quantity
from apimachinery.wire import JsonObject

FILE_MODE = 0o644
"""Mode of files made from config maps, secrets and the like."""
TOKEN_SECONDS = 3600
GRACE_SECONDS = 30
_FINER = ("n", "u")
"""How the canonical spelling of an amount with less than thousandths ends."""


def pod(obj: JsonObject) -> None:
    """A pod of its own: the template's defaults and those that templates leave open."""
    spec = obj.setdefault("spec", {})
    pod_spec(spec)
    for container in _containers(spec):
        _requests_from_limits(container.setdefault("resources", {}))
    if isinstance(spec.get("resources"), dict):
        _pod_requests(spec)
    if spec.get("hostNetwork"):
        for container in _containers(spec):
            for port in container.get("ports") or ():
                if not port.get("hostPort") and "containerPort" in port:
                    port["hostPort"] = port["containerPort"]
    spec.setdefault("enableServiceLinks", True)
    obj.setdefault("status", {}).setdefault("phase", "Pending")


def template(obj: JsonObject | None) -> None:
    """A pod template, where there is one."""
    if obj is not None:
        pod_spec(obj.setdefault("spec", {}))


def pod_spec(spec: JsonObject) -> None:
    """What pods and templates have in common."""
    for key, value in (
        ("restartPolicy", "Always"),
        ("dnsPolicy", "ClusterFirst"),
        ("schedulerName", "default-scheduler"),
    ):
        if not spec.get(key):
            spec[key] = value
    spec.setdefault("terminationGracePeriodSeconds", GRACE_SECONDS)
    spec.setdefault("securityContext", {})
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        # The old name of the field is kept in step with the new one.
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    _whole_thousandths(spec.get("resources") or {})
    for container in _containers(spec, ephemeral=True):
        _container(container)
    for volume in spec.get("volumes") or ():
        _volume(volume)


def _containers(spec: JsonObject, *, ephemeral: bool = False) -> list[JsonObject]:
    found = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    if ephemeral:
        found.extend(spec.get("ephemeralContainers") or ())
    return found


def _container(container: JsonObject) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = pull_policy(container.get("image", ""))
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    _whole_thousandths(container.setdefault("resources", {}))
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        source = variable.get("valueFrom")
        if source is not None:
            _field_source(source)
            if source.get("fileKeyRef") is not None:
                source["fileKeyRef"].setdefault("optional", False)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(name) is not None:
            _probe(container[name])
    for hook in ("postStart", "preStop"):
        action = ((container.get("lifecycle") or {}).get(hook) or {}).get("httpGet")
        if action is not None:
            _http_get(action)


def pull_policy(image: str) -> str:
    """`Always` for the tag "latest" and where neither tag nor digest is given."""
    name, _, digest = image.partition("@")
    tag = name.rpartition("/")[2].partition(":")[2]
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"


def _field_source(source: JsonObject) -> None:
    """What environment variables and downward API files have in common."""
    if source.get("fieldRef") is not None and not source["fieldRef"].get("apiVersion"):
        source["fieldRef"]["apiVersion"] = "v1"
    if source.get("resourceFieldRef") is not None:
        source["resourceFieldRef"].setdefault("divisor", "0")


def _probe(probe: JsonObject) -> None:
    for key, value in (
        ("timeoutSeconds", 1),
        ("periodSeconds", 10),
        ("successThreshold", 1),
        ("failureThreshold", 3),
    ):
        if not probe.get(key):
            probe[key] = value
    if probe.get("httpGet") is not None:
        _http_get(probe["httpGet"])
    if probe.get("grpc") is not None:
        probe["grpc"].setdefault("service", "")


def _http_get(action: JsonObject) -> None:
    if not action.get("path"):
        action["path"] = "/"
    if not action.get("scheme"):
        action["scheme"] = "HTTP"


def _whole_thousandths(resources: JsonObject) -> None:
    """Amounts finer than a thousandth are rounded up to one: nothing is counted finer."""
    for part in ("requests", "limits"):
        for name, amount in (resources.get(part) or {}).items():
            if str(amount).endswith(_FINER):
                resources[part][name] = str(Quantity.of_milli(Quantity.parse(amount).milli()))


def _requests_from_limits(resources: JsonObject) -> None:
    """What is limited but not requested is requested as it is limited."""
    limits = resources.get("limits")
    if limits:
        requests = resources.setdefault("requests", {})
        for name, amount in limits.items():
            requests.setdefault(name, amount)


def _pod_requests(spec: JsonObject) -> None:
    """The pod's own requests: those of its containers together, else its own limits."""
    resources = spec["resources"]
    requests: dict[str, Any] = dict(resources.get("requests") or {})
    for name, total in pod_amounts.together(spec, "requests").items():
        if pod_amounts.pod_level(name):
            requests.setdefault(name, str(total))
    for name, amount in (resources.get("limits") or {}).items():
        requests.setdefault(name, amount)
    if requests:
        resources["requests"] = requests


def _volume(volume: JsonObject) -> None:
    source = next((key for key, value in volume.items() if key != "name" and value is not None), "")
    if not source:
        volume["emptyDir"] = {}
        return
    fill = _VOLUMES.get(source)
    if fill is not None:
        fill(volume[source])


def _files(source: JsonObject) -> None:
    source.setdefault("defaultMode", FILE_MODE)
    for item in source.get("items") or ():
        _field_source(item)


def _projected(source: JsonObject) -> None:
    source.setdefault("defaultMode", FILE_MODE)
    for one in source.get("sources") or ():
        if one.get("serviceAccountToken") is not None:
            one["serviceAccountToken"].setdefault("expirationSeconds", TOKEN_SECONDS)
        for item in (one.get("downwardAPI") or {}).get("items") or ():
            _field_source(item)


def _host_path(source: JsonObject) -> None:
    source.setdefault("type", "")


def _ephemeral(source: JsonObject) -> None:
    claim = source.get("volumeClaimTemplate")
    if claim is not None:
        claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")


def _image(source: JsonObject) -> None:
    if not source.get("pullPolicy"):
        source["pullPolicy"] = pull_policy(source.get("reference", ""))


def _iscsi(source: JsonObject) -> None:
    source.setdefault("iscsiInterface", "default")


def _rbd(source: JsonObject) -> None:
    source.setdefault("pool", "rbd")
    source.setdefault("user", "admin")
    source.setdefault("keyring", "/etc/ceph/keyring")


def _azure_disk(source: JsonObject) -> None:
    source.setdefault("cachingMode", "ReadWrite")
    source.setdefault("kind", "Shared")
    source.setdefault("fsType", "ext4")
    source.setdefault("readOnly", False)


def _scale_io(source: JsonObject) -> None:
    source.setdefault("storageMode", "ThinProvisioned")
    source.setdefault("fsType", "xfs")


_VOLUMES = {
    "configMap": _files,
    "secret": _files,
    "downwardAPI": _files,
    "projected": _projected,
    "hostPath": _host_path,
    "ephemeral": _ephemeral,
    "image": _image,
    "iscsi": _iscsi,
    "rbd": _rbd,
    "azureDisk": _azure_disk,
    "scaleIO": _scale_io,
}


def persistent_source(spec: JsonObject) -> None:
    """The same for the sources of persistent volumes."""
    for name in ("hostPath", "iscsi", "rbd", "azureDisk", "scaleIO"):
        if spec.get(name) is not None:
            _VOLUMES[name](spec[name])
