"""What is allowed but hardly meant in a pod and in templates of pods; pure.

Neighbours: `oddities` asks, and has the other kinds; `virtual_files` looks at volumes made of API
objects. Looking must cost next to nothing: most pods have no oddities.
"""

from collections.abc import Iterable, Iterator

from apimachinery import names, status
from apimachinery.quantity import Quantity
from apimachinery.validation import virtual_files
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
_SECCOMP = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP_TEXT = 'non-functional in v1.27+; use the "seccompProfile" field instead'
_OF_CONTAINERS = (
    # annotation without the container's name, the field that it has become, whether the pod's field
    # does as well, what is said
    ("container.seccomp.security.alpha.kubernetes.io/", "seccompProfile", False, _SECCOMP_TEXT),
    (
        "container.apparmor.security.beta.kubernetes.io/",
        "appArmorProfile",
        True,
        'deprecated since v1.30; use the "appArmorProfile" field instead',
    ),
)
_PROFILES = (_SECCOMP, *(one[0] for one in _OF_CONTAINERS))
_LISTS = ("initContainers", "containers", "ephemeralContainers")
_AMOUNTS = ("limits", "requests")
_BYTES = ("memory", "ephemeral-storage")
_NO_POD = "a null labelSelector results in matching no pod"
_NO_LABEL = "which can result in surprising behavior; a DNS label is recommended"


def pod(obj: JsonObject) -> list[str]:
    found = _pod_spec(obj.get("spec") or {}, obj.get("metadata") or {}, "")
    return named(obj, "the Pod's hostname") + found


def named(obj: JsonObject, what: str) -> list[str]:
    name = (obj.get("metadata") or {}).get("name", "")
    problems = names.dns1123_label(name) if "." in name or len(name) > names.LABEL_MAX else []
    if not problems:
        return []
    return [f"metadata.name: this is used in {what}, {_NO_LABEL}: [{' '.join(problems)}]"]


def inside(template: JsonObject | None, path: str) -> list[str]:
    if template is None:
        return []
    return _pod_spec(template.get("spec") or {}, template.get("metadata") or {}, path)


def _pod_spec(spec: JsonObject, meta: JsonObject, path: str) -> list[str]:
    """`path` is what comes before `spec` and `metadata`."""
    found = _placing(spec, f"{path}spec")
    if meta.get("annotations"):
        found += _annotations(spec, meta["annotations"], f"{path}metadata.annotations")
    for index, one in enumerate(spec.get("volumes") or ()):
        found += _of_volume(one, f"{path}spec.volumes[{index}]")
    if spec.get("hostAliases") or spec.get("imagePullSecrets"):
        found += _doubles(spec, path)
    if spec.get("overhead"):
        found += _fractions(spec["overhead"], f"{path}spec.overhead")
    ports: list[JsonObject] = []
    for key in _LISTS:
        for index, container in enumerate(spec.get(key) or ()):
            ports += container.get("ports") or ()
            if container.get("resources") or container.get("env"):
                found += _container(container, f"{path}spec.{key}[{index}]")
    if len(ports) > 1 or (ports and ports[0].get("hostIP")):
        found += _ports(spec, path)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        where = f"{path}spec.terminationGracePeriodSeconds"
        text = "must be >= 0; negative values are invalid and will be treated as 1"
        found.append(f"{where}: {text}")
    if spec.get("affinity"):
        found += _unmatched(spec["affinity"], f"{path}spec.affinity")
    return found


def _of_volume(one: JsonObject, path: str) -> list[str]:
    if not _VOLUMES.keys().isdisjoint(one):
        return volume_source(one, path)
    if one.get("ephemeral"):
        claim = one["ephemeral"].get("volumeClaimTemplate") or {}
        return asked(claim.get("spec") or {}, f"{path}.ephemeral.volumeClaimTemplate.spec")
    return [] if virtual_files.SOURCES.isdisjoint(one) else virtual_files.overlaps(one)


def _port(port: JsonObject) -> str:
    """A port as Kubernetes prints it."""
    return (
        f"{{Name:{port.get('name', '')} HostPort:{port.get('hostPort') or 0} "
        f"ContainerPort:{port.get('containerPort') or 0} Protocol:{port.get('protocol', '')} "
        f"HostIP:{port.get('hostIP', '')}}}"
    )


def _unmatched(affinity: JsonObject, path: str) -> Iterator[str]:
    """Terms about other pods that no pod fits."""
    for kind in ("podAffinity", "podAntiAffinity"):
        for key, inner in (
            ("requiredDuringSchedulingIgnoredDuringExecution", ""),
            ("preferredDuringSchedulingIgnoredDuringExecution", "podAffinityTerm"),
        ):
            for index, one in enumerate((affinity.get(kind) or {}).get(key) or ()):
                term = (one.get(inner) or {}) if inner else one
                where = f"{path}.{kind}.{key}[{index}]{'.' if inner else ''}{inner}"
                if term.get("labelSelector") is None:
                    yield f"{where}.labelSelector: {_NO_POD}"


def _annotations(spec: JsonObject, annotations: dict[str, str], path: str) -> Iterator[str]:
    """Annotations that mean nothing any more, or have become fields."""
    yield from (
        f"{path}[{key}]: {text}" for key, text in _ANNOTATIONS.items() if key in annotations
    )
    if not any(key.startswith(_PROFILES) for key in annotations):
        return
    context = spec.get("securityContext") or {}
    if _SECCOMP in annotations and not context.get("seccompProfile"):
        yield f"{path}[{_SECCOMP}]: {_SECCOMP_TEXT}"
    for key in _LISTS:
        for container in spec.get(key) or ():
            own = container.get("securityContext") or {}
            for prefix, field, wholly, text in _OF_CONTAINERS:
                name = f"{prefix}{container.get('name', '')}"
                set_otherwise = own.get(field) or (wholly and context.get(field))
                if name in annotations and not set_otherwise:
                    yield f"{path}[{name}]: {text}"


def _placing(spec: JsonObject, path: str) -> list[str]:
    """Nodes chosen by labels that have other names now."""
    found = [
        f"{path}.nodeSelector[{key}]: {renamed(key)}"
        for key in spec.get("nodeSelector") or ()
        if key in RENAMED_LABELS
    ]
    if spec.get("affinity"):
        found += _affinity(spec["affinity"], f"{path}.affinity.nodeAffinity")
    for index, one in enumerate(spec.get("topologySpreadConstraints") or ()):
        where, key = f"{path}.topologySpreadConstraints[{index}]", one.get("topologyKey", "")
        if key in RENAMED_LABELS:
            found.append(f"{where}.topologyKey: {key} is {renamed(key)}")
        if one.get("labelSelector") is None:
            found.append(f"{where}.labelSelector: {_NO_POD}")
    return found


def volume_source(one: JsonObject, path: str) -> list[str]:
    # Kubernetes spells one of them in its own way.
    return [
        f"{path}.{'storageOS' if key == 'storageos' else key}: {_VOLUMES[key]}"
        for key in one
        if key in _VOLUMES
    ]


def renamed(label: str) -> str:
    since, now = RENAMED_LABELS[label]
    return f'deprecated since {since}; use "{now}" instead'


def _affinity(affinity: JsonObject, path: str) -> Iterator[str]:
    nodes = affinity.get("nodeAffinity") or {}
    needed = nodes.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    where = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    for index, one in enumerate(needed.get("nodeSelectorTerms") or ()):
        yield from term(one, f"{where}[{index}]")
    wished = "preferredDuringSchedulingIgnoredDuringExecution"
    for index, one in enumerate(nodes.get(wished) or ()):
        yield from term(one.get("preference") or {}, f"{path}.{wished}[{index}].preference")


def term(term: JsonObject, path: str) -> Iterator[str]:
    for index, one in enumerate(term.get("matchExpressions") or ()):
        key = one.get("key", "")
        if key in RENAMED_LABELS:
            yield f"{path}.matchExpressions[{index}].key: {key} is {renamed(key)}"


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
            found += _fractions(amounts, f"{path}.resources.{key}")
    variables = one.get("env") or ()
    if len(variables) > 1:
        found += _hidden(variables, f"{path}.env")
    return found


def _fractions(amounts: JsonObject, path: str) -> list[str]:
    return [
        text
        for name in _BYTES
        if name in amounts
        for text in _fraction(amounts[name], f"{path}[{name}]")
    ]


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
    """The same port of two containers, or twice of one; an address of the host without a port."""
    known: dict[tuple[int, str], list[tuple[str, JsonObject]]] = {}
    found: list[str] = []
    everything = (
        (f"{path}spec.{key}[{place}].ports[{index}]", port)
        for key in _LISTS
        for place, container in enumerate(spec.get(key) or ())
        for index, port in enumerate(container.get("ports") or ())
    )
    for where, port in everything:
        if port.get("hostIP") and not port.get("hostPort"):
            found.append(f"{where}: hostIP set without hostPort: {_port(port)}")
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


def asked(spec: JsonObject, path: str) -> list[str]:
    """Of a claim."""
    amounts = (spec.get("resources") or {}).get("requests") or {}
    return _fraction(amounts.get("storage"), f"{path}.resources.requests[storage]")
