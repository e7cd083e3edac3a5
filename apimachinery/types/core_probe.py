"""core_probe models."""

from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from apimachinery.types.base import REQUIRED, Int32, Int64, IntOrString, Items, Model, Proto


class ExecAction(Model):
    """ExecAction."""

    command: Annotated[Items[str], Proto(1)] = ()


class HTTPHeader(Model):
    """HTTPHeader."""

    name: Annotated[str, Proto(1), REQUIRED] = ""
    value: Annotated[str, Proto(2), REQUIRED] = ""


class HTTPGetAction(Model):
    """HTTPGetAction."""

    path: Annotated[str, Proto(1)] = ""
    port: Annotated[IntOrString | None, Proto(2), REQUIRED] = None
    host: Annotated[str, Proto(3)] = ""
    scheme: Annotated[str, Proto(4)] = ""
    http_headers: Annotated[Items[HTTPHeader], Proto(5)] = Field((), alias="httpHeaders")


class TCPSocketAction(Model):
    """TCPSocketAction."""

    port: Annotated[IntOrString | None, Proto(1), REQUIRED] = None
    host: Annotated[str, Proto(2)] = ""


class GRPCAction(Model):
    """GRPCAction."""

    port: Annotated[Int32, Proto(1), REQUIRED] = 0
    service: Annotated[str | None, Proto(2)] = Field(None, json_schema_extra={"default": ""})


class SleepAction(Model):
    """SleepAction."""

    seconds: Annotated[Int64, Proto(1), REQUIRED] = 0


class ProbeHandler(Model):
    """ProbeHandler."""

    exec: Annotated[ExecAction | None, Proto(1)] = None
    http_get: Annotated[HTTPGetAction | None, Proto(2)] = Field(None, alias="httpGet")
    tcp_socket: Annotated[TCPSocketAction | None, Proto(3)] = Field(None, alias="tcpSocket")
    grpc: Annotated[GRPCAction | None, Proto(4)] = None


class Probe(ProbeHandler):
    """Probe."""

    embedded: ClassVar[Mapping[type[Model], int]] = {ProbeHandler: 1}

    initial_delay_seconds: Annotated[Int32, Proto(2)] = Field(0, alias="initialDelaySeconds")
    timeout_seconds: Annotated[Int32, Proto(3)] = Field(0, alias="timeoutSeconds")
    period_seconds: Annotated[Int32, Proto(4)] = Field(0, alias="periodSeconds")
    success_threshold: Annotated[Int32, Proto(5)] = Field(0, alias="successThreshold")
    failure_threshold: Annotated[Int32, Proto(6)] = Field(0, alias="failureThreshold")
    termination_grace_period_seconds: Annotated[Int64 | None, Proto(7)] = Field(
        None, alias="terminationGracePeriodSeconds"
    )


class LifecycleHandler(Model):
    """LifecycleHandler."""

    exec: Annotated[ExecAction | None, Proto(1)] = None
    http_get: Annotated[HTTPGetAction | None, Proto(2)] = Field(None, alias="httpGet")
    tcp_socket: Annotated[TCPSocketAction | None, Proto(3)] = Field(None, alias="tcpSocket")
    sleep: Annotated[SleepAction | None, Proto(4)] = None


class Lifecycle(Model):
    """Lifecycle."""

    post_start: Annotated[LifecycleHandler | None, Proto(1)] = Field(None, alias="postStart")
    pre_stop: Annotated[LifecycleHandler | None, Proto(2)] = Field(None, alias="preStop")
    stop_signal: Annotated[str, Proto(3)] = Field("", alias="stopSignal")
