"""What the status of a namespace on its way out says. Pure.

Neighbour: `namespace.controller` empties it and counts what is left.
"""

from collections.abc import Mapping, Sequence

from apimachinery import meta
from apimachinery.wire import JsonObject

Remaining = Mapping[str, tuple[int, Mapping[str, int]]]
"""By resource (`pods.`): how many objects are left, and how many of them per finalizer."""


def conditions(
    present: Sequence[JsonObject], remaining: Remaining, errors: Sequence[str], now: float
) -> list[JsonObject]:
    """The four conditions that tell why a namespace is still there, with Kubernetes' sentences."""
    finalizers: dict[str, int] = {}
    for _, held in remaining.values():
        for name, count in held.items():
            finalizers[name] = finalizers.get(name, 0) + count
    left = [f"{name} has {count} resource instances" for name, (count, _) in remaining.items()]
    held_by = [f"{name} in {count} resource instances" for name, count in finalizers.items()]
    facts = [
        (
            "NamespaceDeletionDiscoveryFailure",
            ("ResourcesDiscovered", "All resources successfully discovered"),
            (),
        ),
        (
            "NamespaceDeletionContentFailure",
            ("ContentDeleted", "All content successfully deleted, may be waiting on finalization"),
            (
                (
                    "ContentDeletionFailed",
                    f"Failed to delete all resource types, {len(errors)} remaining: {', '.join(sorted(errors))}",
                )
                if errors
                else ()
            ),
        ),
        (
            "NamespaceContentRemaining",
            ("ContentRemoved", "All content successfully removed"),
            (
                ("SomeResourcesRemain", f"Some resources are remaining: {', '.join(sorted(left))}")
                if left
                else ()
            ),
        ),
        (
            "NamespaceFinalizersRemaining",
            ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
            (
                (
                    "SomeFinalizersRemain",
                    f"Some content in the namespace has finalizers remaining: {', '.join(sorted(held_by))}",
                )
                if held_by
                else ()
            ),
        ),
    ]
    out = list(present)
    for kind, fine, trouble in facts:
        reason, message = trouble or fine
        value = "True" if trouble else "False"
        new = {"type": kind, "status": value, "reason": reason, "message": message}
        out = meta.set_condition(out, new, now)
    return out


def finalized(namespace: JsonObject) -> JsonObject:
    """The namespace without our finalizer: the server removes it when no other is left."""
    spec = namespace.get("spec") or {}
    kept = [one for one in spec.get("finalizers") or () if one != "kubernetes"]
    return namespace | {"spec": spec | {"finalizers": kept}}
