"""Which pod and container a stream is about: pure checks, with Kubernetes' words.

Neighbours: `logs`, `commands`, `forwards` in this package. Nothing here talks to a node.
"""

from collections.abc import Iterable

from apimachinery import status, wire

DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


def container_of(pod: wire.JsonObject, asked: str) -> str:
    """The container that is meant; asked for by name, or the only one.

    Raises:
        ApiError: 400, there is none of that name, or there are several to choose from.
    """
    spec = pod.get("spec") or {}
    name = pod["metadata"]["name"]
    regular, initial = _names(spec.get("containers")), _names(spec.get("initContainers"))
    if asked:
        if asked not in (*regular, *initial, *_names(spec.get("ephemeralContainers"))):
            raise status.bad_request(f"container {asked} is not valid for pod {name}")
        return asked
    if len(regular) == 1:
        return regular[0]
    annotated = (pod["metadata"].get("annotations") or {}).get(DEFAULT_CONTAINER)
    if annotated in regular:
        return str(annotated)
    message = f"a container name must be specified for pod {name}"
    if regular:
        message += f", choose one of: [{' '.join(regular)}]"
    if initial:
        message += f" or one of the init containers: [{' '.join(initial)}]"
    raise status.bad_request(message)


def refuse_finished(pod: wire.JsonObject) -> None:
    """Nothing can be executed in, attached to or forwarded to a pod that has ended.

    Raises:
        ApiError: 400.
    """
    phase = (pod.get("status") or {}).get("phase", "")
    if phase in ("Succeeded", "Failed"):
        raise status.bad_request(
            f"cannot exec into a container in a completed pod; current phase is {phase}"
        )


def _names(containers: Iterable[wire.JsonObject] | None) -> list[str]:
    return [str(one.get("name", "")) for one in containers or ()]
