"""`pods/x/log`: the options checked, the log streamed from the node's agent.

Neighbours: `kubelet` (fetches), `pods` (which container). The agent knows whether the container
has started; what it says is passed on.
"""

from apimachinery import status, wire
from apiserver.routes import is_true
from apiserver.streaming import kubelet, pods

_PASSED = ("tailLines", "sinceSeconds", "sinceTime", "limitBytes", "stream")
_FLAGS = ("follow", "timestamps", "previous")
_LEAST = {"tailLines": 0, "limitBytes": 1, "sinceSeconds": 1}
_STREAMS = ("All", "Stdout", "Stderr")


async def read(
    kubelets: kubelet.Kubelets, pod: wire.JsonObject, request: wire.Request
) -> wire.Response:
    """The log as a stream of bytes."""
    container = pods.container_of(pod, request.param("container"))
    query = options(pod["metadata"]["name"], request)
    path = kubelet.container_path("containerLogs", pod, container)
    body = await kubelets.ask(kubelets.of_pod(pod), path, query)
    return wire.Response(200, {"Content-Type": "text/plain"}, body)


def options(name: str, request: wire.Request) -> kubelet.Query:
    """PodLogOptions as the agent takes them.

    Raises:
        ApiError: 422 naming each bad option.
    """
    errors = [
        problem
        for option, least in _LEAST.items()
        if (problem := _number_error(option, request.param(option), least)) is not None
    ]
    if request.param("sinceSeconds") and request.param("sinceTime"):
        errors.append(
            status.forbidden_field(
                "", "at most one of `sinceTime` or `sinceSeconds` may be specified"
            )
        )
    stream = request.param("stream", "All")
    if stream not in _STREAMS:
        errors.append(status.not_supported("stream", stream, _STREAMS))
    elif stream != "All" and request.param("tailLines"):
        errors.append(
            status.forbidden_field("", "`tailLines` and specific `stream` are mutually exclusive")
        )
    if errors:
        raise status.invalid("PodLogOptions", name, errors)
    query = [(option, "true") for option in _FLAGS if is_true(request, option)]
    return query + [(option, text) for option in _PASSED if (text := request.param(option))]


def _number_error(option: str, text: str, least: int) -> status.FieldError | None:
    if not text:
        return None
    try:
        value = int(text)
    except ValueError:
        return status.invalid_value(option, text, "must be a whole number")
    if value >= least:
        return None
    bound = "greater than or equal to 0" if least == 0 else "greater than 0"
    return status.invalid_value(option, value, f"must be {bound}")
