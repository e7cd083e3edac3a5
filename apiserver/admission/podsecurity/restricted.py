"""The restricted level: what hardened pods do without is refused. Pure.

Neighbours: `baseline` (some of its checks are replaced by stricter ones here), `versions`.
"""

from apiserver.admission.podsecurity import baseline
from apiserver.admission.podsecurity.finding import (
    Finding,
    Pod,
    named,
    plural,
    pod_and,
    quoted,
    security,
)

VOLUMES = frozenset(
    {
        "configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "image",
        "persistentVolumeClaim", "projected", "secret",
    }
)  # fmt: skip
"""Kinds of volumes that show a pod nothing of its node."""

_ADDABLE = frozenset({"NET_BIND_SERVICE"})
_PROFILES = ("RuntimeDefault", "Localhost")


def privilege_escalation(pod: Pod) -> Finding | None:
    bad = [
        one["name"]
        for one in pod.containers()
        if security(one).get("allowPrivilegeEscalation") is not False
    ]
    if not bad:
        return None
    return Finding(
        "allowPrivilegeEscalation != false",
        f"{named('container', bad)} must set securityContext.allowPrivilegeEscalation=false",
    )


def capabilities(pod: Pod) -> Finding | None:
    """All dropped; the right to low ports may come back."""
    told = []
    keeping = [
        one["name"]
        for one in pod.containers()
        if "ALL" not in ((security(one).get("capabilities") or {}).get("drop") or ())
    ]
    if keeping:
        told.append(
            f'{named("container", keeping)} must set securityContext.capabilities.drop=["ALL"]'
        )
    adding, added = baseline.added_beyond(pod, _ADDABLE)
    if adding:
        told.append(baseline.not_included(adding, added))
    return Finding("unrestricted capabilities", "; ".join(told)) if told else None


def volumes(pod: Pod) -> Finding | None:
    names, kinds = [], set()
    for volume in pod.spec.get("volumes") or ():
        beyond = {key for key, value in volume.items() if key != "name" and value is not None}
        if beyond := beyond - VOLUMES:
            names.append(volume["name"])
            kinds |= beyond
    if not names:
        return None
    use = "uses" if len(names) == 1 else "use"
    found = sorted(kinds)
    kind = plural("restricted volume type", found)
    return Finding(
        "restricted volume types", f"{named('volume', names)} {use} {kind} {quoted(found)}"
    )


def non_root(pod: Pod) -> Finding | None:
    """The pod says it for all its containers, or each says it for itself."""
    own = pod.context.get("runAsNonRoot")
    said = {one["name"]: security(one).get("runAsNonRoot") for one in pod.containers()}
    against = [name for name, value in said.items() if value is False]
    if against or own is False:
        told = "must not set securityContext.runAsNonRoot=false"
        return Finding("runAsNonRoot != true", f"{pod_and(own is False, against)} {told}")
    silent = [name for name, value in said.items() if value is None]
    if own or not silent:
        return None
    return Finding(
        "runAsNonRoot != true",
        f"pod or {named('container', silent)} must set securityContext.runAsNonRoot=true",
    )


def user(pod: Pod) -> Finding | None:
    own = pod.context.get("runAsUser") == 0
    bad = [one["name"] for one in pod.containers() if security(one).get("runAsUser") == 0]
    if not own and not bad:
        return None
    return Finding("runAsUser=0", f"{pod_and(own, bad)} must not set runAsUser=0")


def seccomp(pod: Pod) -> Finding | None:
    """A profile must be set, and not `Unconfined`."""
    own = (pod.context.get("seccompProfile") or {}).get("type")
    said = {
        one["name"]: (security(one).get("seccompProfile") or {}).get("type")
        for one in pod.containers()
    }
    wrong = [name for name, kind in said.items() if kind and kind not in _PROFILES]
    own_wrong = bool(own) and own not in _PROFILES
    if wrong or own_wrong:
        kinds = {str(said[name]) for name in wrong} | ({str(own)} if own_wrong else set())
        told = f"must not set securityContext.seccompProfile.type to {quoted(sorted(kinds))}"
        return Finding("seccompProfile", f"{pod_and(own_wrong, wrong)} {told}")
    silent = [name for name, kind in said.items() if not kind]
    if own or not silent:
        return None
    told = 'must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Finding("seccompProfile", f"pod or {named('container', silent)} {told}")
