"""What is allowed but hardly meant: the warnings that come with a create or an update; pure.

Neighbours: `apimachinery.validation` for what is not allowed; the registry asks for warnings once an
object was found valid. Looking must cost next to nothing: most objects have no oddities.
"""

from collections.abc import Callable, Iterable, Iterator

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.resource import Resource
from apimachinery.validation.claims import BETA_CLASS
from apimachinery.validation.metadata import STANDARD_FINALIZERS
from apimachinery.validation.scheduling import RENAMED_LABELS
from apimachinery.wire import JsonObject

_VOLUMES = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": "deprecated in v1.22, non-functional in v1.25+",
    "storageos": "deprecated in v1.22, non-functional in v1.25+",
    "quobyte": "deprecated in v1.22, non-functional in v1.25+",
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": "deprecated in v1.28, non-functional in v1.31+",
    "rbd": "deprecated in v1.28, non-functional in v1.31+",
}

_ANNOTATIONS = {
    "scheduler.alpha.kubernetes.io/critical-pod": (
        'non-functional in v1.16+; use the "priorityClassName" field instead'
    ),
    "security.alpha.kubernetes.io/sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
    "security.alpha.kubernetes.io/unsafe-sysctls": (
        'non-functional in v1.11+; use the "sysctls" field instead'
    ),
}
_INGRESS_CLASS = "kubernetes.io/ingress.class"
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_AMOUNTS = ("limits", "requests")
_BYTES = ("memory", "ephemeral-storage")
_NO_LABEL = "which can result in surprising behavior; a DNS label is recommended"


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
    if find is None or resource.gr == "pods" or new.get("spec") == old.get("spec"):
        return []
    return find(new)


def _finalizers(finalizers: Iterable[str]) -> list[str]:
    return [
        f"metadata.finalizers: {status.quote(one)}: prefer a domain-qualified finalizer name "
        "including a path (/) to avoid accidental conflicts with other finalizer writers"
        for one in finalizers
        if "/" not in one and one not in STANDARD_FINALIZERS
    ]


# --- pods ----------------------------------------------------------------------------------------


def _pod(obj: JsonObject) -> list[str]:
    found = _pod_spec(obj.get("spec") or {}, obj.get("metadata") or {}, "")
    return _named(obj, "the Pod's hostname") + found


def _named(obj: JsonObject, what: str) -> list[str]:
    name = (obj.get("metadata") or {}).get("name", "")
    problems = names.dns1123_label(name) if "." in name or len(name) > names.LABEL_MAX else []
    if not problems:
        return []
    return [f"metadata.name: this is used in {what}, {_NO_LABEL}: [{' '.join(problems)}]"]


def _template(obj: JsonObject) -> list[str]:
    return _named(obj, "Pod names and hostnames") + _inside(
        (obj.get("spec") or {}).get("template"), "spec.template."
    )


def _cron_job(obj: JsonObject) -> list[str]:
    job = ((obj.get("spec") or {}).get("jobTemplate") or {}).get("spec") or {}
    return _named(obj, "Pod names and hostnames") + _inside(
        job.get("template"), "spec.jobTemplate.spec.template."
    )


def _inside(template: JsonObject | None, path: str) -> list[str]:
    if template is None:
        return []
    return _pod_spec(template.get("spec") or {}, template.get("metadata") or {}, path)


def _pod_spec(spec: JsonObject, meta: JsonObject, path: str) -> list[str]:
    """`path` is what comes before `spec` and `metadata`."""
    found = _placing(spec, f"{path}spec")
    if meta.get("annotations"):
        found += (
            f"{path}metadata.annotations[{key}]: {text}"
            for key, text in _ANNOTATIONS.items()
            if key in meta["annotations"]
        )
    for index, one in enumerate(spec.get("volumes") or ()):
        if not _VOLUMES.keys().isdisjoint(one):
            found += _volume_source(one, f"{path}spec.volumes[{index}]")
    if spec.get("hostAliases") or spec.get("imagePullSecrets"):
        found += _doubles(spec, path)
    ports = 0
    for key in _LISTS:
        for index, container in enumerate(spec.get(key) or ()):
            ports += len(container.get("ports") or ())
            if container.get("resources") or container.get("env"):
                found += _container(container, f"{path}spec.{key}[{index}]")
    if ports > 1:
        found += _ports(spec, path)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        where = f"{path}spec.terminationGracePeriodSeconds"
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{where}: {text}")
    return found


def _placing(spec: JsonObject, path: str) -> list[str]:
    """Nodes chosen by labels that have other names now."""
    found = [
        f"{path}.nodeSelector[{key}]: {_renamed(key)}"
        for key in spec.get("nodeSelector") or ()
        if key in RENAMED_LABELS
    ]
    if spec.get("affinity"):
        found += _affinity(spec["affinity"], f"{path}.affinity.nodeAffinity")
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", one.get("topologyKey", "")
        if key in RENAMED_LABELS:
            found.append(f"{where}.topologyKey: {key} is {_renamed(key)}")
        if one.get("labelSelector") is None:
            found.append(f"{where}.labelSelector: a null labelSelector results in matching no pod")
    return found


def _volume_source(one: JsonObject, path: str) -> list[str]:
    return [f"{path}.{key}: {_VOLUMES[key]}" for key in one if key in _VOLUMES]


def _renamed(label: str) -> str:
    since, now = RENAMED_LABELS[label]
    return f'deprecated since {since}; use "{now}" instead'


def _affinity(affinity: JsonObject, path: str) -> Iterator[str]:
    nodes = affinity.get("nodeAffinity") or {}
    needed = nodes.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    where = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    for index, term in enumerate(needed.get("nodeSelectorTerms") or ()):
        yield from _term(term, f"{where}[{index}]")
    wished = "preferredDuringSchedulingIgnoredDuringExecution"
    for index, one in enumerate(nodes.get(wished) or ()):
        yield from _term(one.get("preference") or {}, f"{path}.{wished}[{index}].preference")


def _term(term: JsonObject, path: str) -> Iterator[str]:
    for index, one in enumerate(term.get("matchExpressions") or ()):
        key = one.get("key", "")
        if key in RENAMED_LABELS:
            yield f"{path}.matchExpressions[{index}].key: {key} is {_renamed(key)}"


def _doubles(spec: JsonObject, path: str) -> Iterator[str]:
    """Things said twice, of which one is lost."""
    for field, key, what in (("hostAliases", "ip", "ip"), ("imagePullSecrets", "name", "name")):
        items = spec.get(field) or ()
        for index, one in enumerate(items):
            value = one.get(key, "")
            where = f"{path}spec.{field}[{index}].{key}"
            if any(other.get(key, "") == value for other in items[:index]):
                yield f"{where}: duplicate {what} {status.quote(value)}"
            if field == "imagePullSecrets" and not value:
                yield f'{where}: invalid empty name ""'


def _container(one: JsonObject, path: str) -> list[str]:
    found: list[str] = []
    for key, amounts in (one.get("resources") or {}).items():
        if key in _AMOUNTS:
            for name in _BYTES:
                if name in amounts:
                    found += _fraction(amounts[name], f"{path}.resources.{key}[{name}]")
    variables = one.get("env") or ()
    if len(variables) > 1:
        found += _hidden(variables, f"{path}.env")
    return found


def _fraction(text: str | None, path: str) -> list[str]:
    """Bytes do not come in parts."""
    if not text or text.endswith("i") or text.isdigit():
        return []
    if not Quantity.parse(text).milli() % 1000:
        return []
    return [f'{path}: fractional byte value "{text}" is invalid, must be an integer']


def _hidden(variables: Iterable[JsonObject], path: str) -> Iterator[str]:
    """A variable set again, unless its new value is made of the old one."""
    known: set[str] = set()
    for index, one in enumerate(variables):
        name, value = one.get("name", ""), one.get("value", "")
        reference = f"$({name})"
        if name in known and (
            one.get("valueFrom") is not None or value == reference or reference not in value
        ):
            yield (
                f"{path}[{index}]: hides previous definition of {status.quote(name)}, which may be "
                "dropped when using apply"
            )
        known.add(name)


def _ports(spec: JsonObject, path: str) -> list[str]:
    """The same port of two containers, or twice of one."""
    known: dict[tuple[int, str], list[tuple[str, JsonObject]]] = {}
    found: list[str] = []
    everything = (
        (f"{path}spec.{key}[{place}].ports[{index}]", port)
        for key in _LISTS
        for place, container in enumerate(spec.get(key) or ())
        for index, port in enumerate(container.get("ports") or ())
    )
    for where, port in everything:
        known_by = (port.get("containerPort", 0), port.get("protocol", ""))
        for other_place, other in known.get(known_by, ()):
            what = _clash(port, other)
            if what:
                found.append(f"{where}: {what} port definition with {other_place}")
        known.setdefault(known_by, []).append((where, port))
    return found


def _clash(one: JsonObject, other: JsonObject) -> str:
    ours, theirs = one.get("hostPort", 0), other.get("hostPort", 0)
    if one.get("hostIP", "") == other.get("hostIP", "") and ours == theirs:
        return "duplicate"
    if not ours or not theirs:
        return "overlapping"
    everywhere = "" in (one.get("hostIP", ""), other.get("hostIP", ""))
    return "dangerously ambiguous" if ours == theirs and everywhere else ""


# --- the others ----------------------------------------------------------------------------------


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
    amounts = ((obj.get("spec") or {}).get("resources") or {}).get("requests") or {}
    return _old_class(obj) + _fraction(amounts.get("storage"), "spec.resources.requests[storage]")


def _volume(obj: JsonObject) -> list[str]:
    spec = obj.get("spec") or {}
    found = _old_class(obj)
    if spec.get("persistentVolumeReclaimPolicy") == "Recycle":
        found.append(
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. "
            "Instead, the recommended approach is to use dynamic provisioning."
        )
    return found + _volume_source(spec, "spec")


_RULES: dict[str, Callable[[JsonObject], list[str]]] = {
    "pods": _pod,
    "replicationcontrollers": _template,
    "replicasets.apps": _template,
    "deployments.apps": _template,
    "daemonsets.apps": _template,
    "statefulsets.apps": _template,
    "jobs.batch": _template,
    "cronjobs.batch": _cron_job,
    "services": _service,
    "ingresses.networking.k8s.io": _ingress,
    "persistentvolumeclaims": _claim,
    "persistentvolumes": _volume,
}
