"""Resources of a running pod: what its spec asks for, and what the node has set aside. Pure.

A resize changes the spec; the node follows when it has the room (KEP-1287). What is set aside is
kept nowhere but in the pod's own status, so the next agent finds it there. Pod-level resources stand
under the name "". Neighbours: `kubelet.resizing` brings containers into line, `kubelet.admission`
says whether there is room, `kubelet.pods` asks it.
"""

from collections.abc import Iterator, Mapping

from apimachinery.wire import JsonObject

Amounts = Mapping[str, JsonObject]
"""By container: its `resources`."""
POD = ""
LISTS = ("containers", "initContainers")
RESIZED = ("cpu", "memory")
"""What may change while a container runs."""


def asked(pod: JsonObject) -> dict[str, JsonObject]:
    """What the spec says now."""
    spec = pod["spec"]
    result = {c["name"]: c.get("resources") or {} for key in LISTS for c in spec.get(key) or ()}
    return {**result, POD: spec["resources"]} if spec.get("resources") else result


def remembered(pod: JsonObject) -> dict[str, JsonObject]:
    """What an earlier agent set aside; for what it never started: what is asked."""
    result = asked(pod)
    for entry in _entries(pod):
        name = entry.get("name")
        if name in result and entry.get("containerID"):
            set_aside = {
                "requests": entry.get("allocatedResources"),
                "limits": (entry.get("resources") or {}).get("limits"),
            }
            result[name] = {**result[name], **set_aside}
            result[name] = {key: value for key, value in result[name].items() if value}
    if POD in result and (told := (pod.get("status") or {}).get("resources")):
        result[POD] = told
    return result


def in_force(pod: JsonObject) -> dict[str, JsonObject]:
    """By container id: what the last agent said that the kernel was told."""
    return {
        str(entry["containerID"]).rpartition("://")[2]: entry.get("resources") or {}
        for entry in _entries(pod)
        if entry.get("containerID")
    }


def applied(pod: JsonObject, amounts: Amounts) -> JsonObject:
    """The pod as if its spec asked for these; the same object if it does."""
    if asked(pod) == amounts:
        return pod
    spec = dict(pod["spec"])
    for key in LISTS:
        if spec.get(key):
            spec[key] = [{**c, "resources": amounts.get(c["name"]) or {}} for c in spec[key]]
    if POD in amounts:
        spec["resources"] = amounts[POD]
    return {**pod, "spec": spec}


def restarting(container: JsonObject) -> dict[str, JsonObject]:
    """The amounts that cannot change without a new start of the container, where it says so."""
    names = {
        policy.get("resourceName")
        for policy in container.get("resizePolicy") or ()
        if policy.get("restartPolicy") == "RestartContainer"
    }
    resources = container.get("resources") or {}
    return {
        f"{kind}.{name}": resources[kind][name]
        for kind in ("limits", "requests")
        for name in sorted(resources.get(kind) or ())
        if name in names
    }


def _entries(pod: JsonObject) -> Iterator[JsonObject]:
    status = pod.get("status") or {}
    for key in ("containerStatuses", "initContainerStatuses"):
        yield from status.get(key) or ()
