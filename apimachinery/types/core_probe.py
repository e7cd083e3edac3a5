"""How a container is asked for its health, and told of its beginning and end."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Int64, IntOrString, Items, Model, Proto


class ExecAction(Model):
    """Runs a command in the container; exit code 0 is success."""

    command: Annotated[Items[str], Proto(1)] = Field(
        (), description="The command and its arguments; no shell is involved."
    )


class HTTPHeader(Model):
    """A header of a request."""

    name: Annotated[str, Proto(1), REQUIRED] = Field("", description="Its name.")
    value: Annotated[str, Proto(2), REQUIRED] = Field("", description="Its value.")


class HTTPGetAction(Model):
    """Sends a GET; any status from 200 to 399 is success."""

    path: Annotated[str, Proto(1)] = Field("", description="Path of the request.")
    port: Annotated[IntOrString | None, Proto(2), REQUIRED] = Field(
        None, description="Port of the container, by number or name."
    )
    host: Annotated[str, Proto(3)] = Field(
        "", description="Host to connect to; the pod's address where absent."
    )
    scheme: Annotated[str, Proto(4)] = Field(
        "", description="HTTP or HTTPS; the certificate is not checked."
    )
    http_headers: Annotated[Items[HTTPHeader], Proto(5)] = Field(
        (), alias="httpHeaders", description="Headers of the request."
    )


class TCPSocketAction(Model):
    """Opens a connection; that it opens is success."""

    port: Annotated[IntOrString | None, Proto(1), REQUIRED] = Field(
        None, description="Port of the container, by number or name."
    )
    host: Annotated[str, Proto(2)] = Field(
        "", description="Host to connect to; the pod's address where absent."
    )


class GRPCAction(Model):
    """Asks the standard gRPC health service."""

    port: Annotated[Int32, Proto(1), REQUIRED] = Field(0, description="Port of the service.")
    service: Annotated[str | None, Proto(2)] = Field(
        None,
        description="Name of the service that is asked for.",
        json_schema_extra={"default": ""},
    )


class SleepAction(Model):
    """Waits for some seconds."""

    seconds: Annotated[Int64, Proto(1), REQUIRED] = Field(0, description="How long.")


class ProbeHandler(Model):
    """The ways to ask; exactly one is given."""

    exec: Annotated[ExecAction | None, Proto(1)] = Field(None, description="Run a command.")
    http_get: Annotated[HTTPGetAction | None, Proto(2)] = Field(
        None, alias="httpGet", description="Send a request."
    )
    tcp_socket: Annotated[TCPSocketAction | None, Proto(3)] = Field(
        None, alias="tcpSocket", description="Open a connection."
    )
    grpc: Annotated[GRPCAction | None, Proto(4)] = Field(None, description="Ask a gRPC service.")


class Probe(ProbeHandler):
    """Asks a container for its health, again and again."""

    embedded: ClassVar[Mapping[type[Model], int]] = {ProbeHandler: 1}

    initial_delay_seconds: Annotated[Int32, Proto(2)] = Field(
        0,
        alias="initialDelaySeconds",
        description="Seconds after the start before the first probe.",
    )
    timeout_seconds: Annotated[Int32, Proto(3)] = Field(
        0,
        alias="timeoutSeconds",
        description="Seconds after which no answer is a failure; 1 where absent.",
    )
    period_seconds: Annotated[Int32, Proto(4)] = Field(
        0, alias="periodSeconds", description="Seconds between probes; 10 where absent."
    )
    success_threshold: Annotated[Int32, Proto(5)] = Field(
        0,
        alias="successThreshold",
        description="Successes in a row that turn failing into healthy; 1 where absent.",
    )
    failure_threshold: Annotated[Int32, Proto(6)] = Field(
        0,
        alias="failureThreshold",
        description="Failures in a row that turn healthy into failing; 3 where absent.",
    )
    termination_grace_period_seconds: Annotated[Int64 | None, Proto(7)] = Field(
        None,
        alias="terminationGracePeriodSeconds",
        description="Grace for a container that this probe ends; the pod's where absent.",
    )


class LifecycleHandler(Model):
    """What is done at a moment of a container's life; exactly one is given."""

    exec: Annotated[ExecAction | None, Proto(1)] = Field(None, description="Run a command.")
    http_get: Annotated[HTTPGetAction | None, Proto(2)] = Field(
        None, alias="httpGet", description="Send a request."
    )
    tcp_socket: Annotated[TCPSocketAction | None, Proto(3)] = Field(
        None, alias="tcpSocket", description="Unused; kept for old objects."
    )
    sleep: Annotated[SleepAction | None, Proto(4)] = Field(None, description="Wait.")


class Lifecycle(Model):
    """What is done when a container has started and before it is stopped."""

    post_start: Annotated[LifecycleHandler | None, Proto(1)] = Field(
        None,
        alias="postStart",
        description="Done right after the start; a failure ends the container.",
    )
    pre_stop: Annotated[LifecycleHandler | None, Proto(2)] = Field(
        None,
        alias="preStop",
        description="Done before the stop signal; its time counts against the grace period.",
    )
    stop_signal: Annotated[str, Proto(3)] = Field(
        "",
        alias="stopSignal",
        description="Signal that asks the container to stop; the image's where absent.",
    )
