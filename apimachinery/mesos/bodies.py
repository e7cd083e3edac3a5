"""A request's body as a message, read by its `Content-Type`.

Schedulers and executors say the same two types. Neighbours: `lenient` and `binary` read; `stream`
answers.
"""

from collections.abc import Callable
from typing import ClassVar

from apimachinery.mesos import binary, lenient
from apimachinery.mesos.schema import Malformed
from apimachinery.mesos.stream import JSON, PROTOBUF
from apimachinery.wire import JsonObject


class UnsupportedType(Malformed):
    """The body is in a language that nobody here reads."""

    status: ClassVar[int] = 415


def loads(content_type: str, body: bytes, name: str) -> JsonObject:
    """The message `name`; Malformed in the master's words."""
    given = content_type.partition(";")[0].strip()
    if not given:
        raise Malformed("Expecting 'Content-Type' to be present")
    if given not in (JSON, PROTOBUF):
        raise UnsupportedType(f"Expecting 'Content-Type' of {JSON} or {PROTOBUF}")
    read: Callable[[bytes, str], JsonObject]
    read = binary.loads if given == PROTOBUF else lenient.loads
    return read(body, name)
