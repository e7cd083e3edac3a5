"""What is allowed but hardly meant: the warnings that come with a create or an update; pure.

Neighbours: `apimachinery.validation` for what is not allowed; `pod_oddities` for pods; the registry
asks for warnings once an object was found valid. Looking must cost next to nothing: most objects have no oddities.
"""

import base64
import ipaddress
from collections.abc import Callable, Iterable, Iterator

from apimachinery import status
from apimachinery.resource import Resource
from apimachinery.validation import pod_oddities, services
from apimachinery.validation.claims import BETA_CLASS
from apimachinery.validation.metadata import STANDARD_FINALIZERS
from apimachinery.validation.scheduling import RENAMED_LABELS
from apimachinery.wire import JsonObject

_INGRESS_CLASS = "kubernetes.io/ingress.class"
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_MOUNTABLE = "kubernetes.io/enforce-mountable-secrets"
_TRACKED = 100_000
_AT_A_TIME = 10_000
_UNTRACKED = (
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than "
    "10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail"
)


def on_create(resource: Resource, obj: JsonObject) -> list[str]:
    """Warnings about a new object."""
    if resource.custom is not None:
        return _finalizers((obj.get("metadata") or {}).get("finalizers") or ())
    find = _RULES.get(resource.gr)
    return find(obj) if find is not None else []


def on_update(resource: Resource, new: JsonObject, old: JsonObject) -> list[str]:
    """Warnings about a changed one: never of pods, of others only where they changed."""
    if resource.custom is not None:
        before = (old.get("metadata") or {}).get("finalizers") or ()
        found = (new.get("metadata") or {}).get("finalizers") or ()
        return _finalizers(one for one in found if one not in before)
    find = _RULES.get(resource.gr)
    if find is None or resource.gr == "pods":
        return []
    return [] if "spec" in new and new["spec"] == old.get("spec") else find(new)


def _finalizers(finalizers: Iterable[str]) -> list[str]:
    return [
        f"metadata.finalizers: {status.quote(one)}: prefer a domain-qualified finalizer name "
        "including a path (/) to avoid accidental conflicts with other finalizer writers"
        for one in finalizers
        if "/" not in one and one not in STANDARD_FINALIZERS
    ]


def _template(obj: JsonObject) -> list[str]:
    return pod_oddities.named(obj, "Pod names and hostnames") + pod_oddities.inside(
        (obj.get("spec") or {}).get("template"), "spec.template."
    )


def _stateful_set(obj: JsonObject) -> list[str]:
    limit = (obj.get("spec") or {}).get("revisionHistoryLimit") or 0
    text = "a negative value retains all historical revisions; a value >= 0 is recommended"
    return _template(obj) + ([f"spec.revisionHistoryLimit: {text}"] if limit < 0 else [])


def _job(obj: JsonObject) -> list[str]:
    found = _template(obj)
    spec = obj.get("spec") or {}
    many = (spec.get("completions") or 0) > _TRACKED and (spec.get("parallelism") or 0) > _AT_A_TIME
    if many and spec.get("completionMode") == "Indexed":
        found.append(f"spec: {_UNTRACKED}")
    return found


def _cron_job(obj: JsonObject) -> list[str]:
    job = ((obj.get("spec") or {}).get("jobTemplate") or {}).get("spec") or {}
    return (
        _zoned_schedule(obj)
        + pod_oddities.named(obj, "Pod names and hostnames")
        + pod_oddities.inside(job.get("template"), "spec.jobTemplate.spec.template.")
    )


def _zoned_schedule(obj: JsonObject) -> list[str]:
    """Zones in schedules are a thing of the past; an old one may stay."""
    if "TZ" not in (obj.get("spec") or {}).get("schedule", ""):
        return []
    more = "https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details"
    return [f"CRON_TZ or TZ used in spec.schedule is not officially supported, see {more}"]


def _service(obj: JsonObject) -> list[str]:
    spec = obj.get("spec") or {}
    external = spec.get("type") == "ExternalName"
    found: list[str] = []
    if _HINTS in ((obj.get("metadata") or {}).get("annotations") or {}):
        found.append(f"annotation {_HINTS} is deprecated, please use {_MODE} instead")
    headless = spec.get("type") == "ClusterIP" and spec.get("clusterIP") == "None"
    if headless:
        found += (
            f"spec.{key} is ignored for headless services"
            for key in ("loadBalancerIP", "externalIPs")
            if spec.get(key)
        )
        if spec.get("sessionAffinity") != "None":
            found.append("spec.SessionAffinity is ignored for headless services")
    if spec.get("externalIPs") and not headless and not external:
        found.append(
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters"
        )
    if external and spec.get("externalIPs"):
        found.append('spec.externalIPs is ignored when spec.type is "ExternalName"')
    if not external and spec.get("externalName"):
        found.append('spec.externalName is ignored when spec.type is not "ExternalName"')
    for index, one in enumerate(spec.get("clusterIPs") or ()):
        found += _canonical(one, f"spec.clusterIPs[{index}]")
    for index, one in enumerate(spec.get("externalIPs") or ()):
        found += _canonical(one, f"spec.externalIPs[{index}]")
    if spec.get("trafficDistribution") == "PreferClose":
        found.append('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"')
    return found


def _ingress(obj: JsonObject) -> list[str]:
    if _INGRESS_CLASS not in ((obj.get("metadata") or {}).get("annotations") or {}):
        return []
    return [
        (
            f"annotation {status.quote(_INGRESS_CLASS)} is deprecated, please use "
            "'spec.ingressClassName' instead"
        )
    ]


def _old_class(obj: JsonObject) -> list[str]:
    if BETA_CLASS not in ((obj.get("metadata") or {}).get("annotations") or {}):
        return []
    text = 'deprecated since v1.8; use "storageClassName" attribute instead'
    return [f"metadata.annotations[{BETA_CLASS}]: {text}"]


def _claim(obj: JsonObject) -> list[str]:
    return _old_class(obj) + pod_oddities.asked(obj.get("spec") or {}, "spec")


def _volume(obj: JsonObject) -> list[str]:
    spec = obj.get("spec") or {}
    found = _old_class(obj)
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning."
        )
    found += pod_oddities.volume_source(spec, "spec")
    needed = (spec.get("nodeAffinity") or {}).get("required") or {}
    for index, term in enumerate(needed.get("nodeSelectorTerms") or ()):
        path = f"spec.nodeAffinity.required.nodeSelectorTerms[{index}]"
        found += pod_oddities.term(term, path)
    return found


def _storage_class(obj: JsonObject) -> list[str]:
    return [
        f"allowedTopologies[{index}].matchLabelExpressions[{number}].key: "
        f"{pod_oddities.renamed(one['key'])}"
        for index, term in enumerate(obj.get("allowedTopologies") or ())
        for number, one in enumerate(term.get("matchLabelExpressions") or ())
        if one.get("key") in RENAMED_LABELS
    ]


def _secret(obj: JsonObject) -> list[str]:
    """A pair of certificate and key in which one is none: the first thing that is wrong."""
    if obj.get("type") != "kubernetes.io/tls":
        return []
    for key, what in (("tls.crt", "certificate"), ("tls.key", "key")):
        data = base64.b64decode((obj.get("data") or {}).get(key) or "")
        if b"-----BEGIN " not in data:
            return [f"tls: failed to find any PEM data in {what} input"]
    return []


def _account(obj: JsonObject) -> list[str]:
    if _MOUNTABLE not in ((obj.get("metadata") or {}).get("annotations") or {}):
        return []
    text = "deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets"
    return [f"metadata.annotations[{_MOUNTABLE}]: {text}"]


def _node(obj: JsonObject) -> list[str]:
    spec = obj.get("spec") or {}
    found: list[str] = []
    if spec.get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if spec.get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    return found


def _endpoint_slice(obj: JsonObject) -> list[str]:
    kind = obj.get("addressType")
    found = ["addressType: FQDN endpoints are deprecated"] if kind == "FQDN" else []
    if kind == "IPv6":
        for index, one in enumerate(obj.get("endpoints") or ()):
            for place, address in enumerate(one.get("addresses") or ()):
                found += _canonical(address, f"endpoints[{index}].addresses[{place}]")
    return found


def _canonical(address: str, path: str) -> Iterator[str]:
    """Addresses that can be spelled in several ways."""
    if services.family(address) != "IPv6":
        return
    wanted = str(ipaddress.ip_address(address))
    if wanted != address:
        yield (
            f"{path}: IPv6 address {status.quote(address)} should be in RFC 5952 canonical format "
            f"({status.quote(wanted)})"
        )


_RULES: dict[str, Callable[[JsonObject], list[str]]] = {
    "pods": pod_oddities.pod,
    "replicationcontrollers": _template,
    "replicasets.apps": _template,
    "deployments.apps": _template,
    "daemonsets.apps": _template,
    "statefulsets.apps": _stateful_set,
    "jobs.batch": _job,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "ingresses.networking.k8s.io": _ingress,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
    "storageclasses.storage.k8s.io": _storage_class,
    "secrets": _secret,
    "serviceaccounts": _account,
    "nodes": _node,
    "endpointslices.discovery.k8s.io": _endpoint_slice,
}
