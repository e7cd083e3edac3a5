"""Kubernetes' protobuf bodies to JSON objects and back, driven by the models' field numbers.

Neighbours: `apimachinery.types` carries numbers and types. No protobuf library and no generated
code: the wire format is small, and every length is checked before it is used.
"""

from apimachinery.resource import Resource
from apimachinery.scheme import Scheme
from apimachinery.wire import JsonObject

CONTENT_TYPE = "application/vnd.kubernetes.protobuf"


def decode(body: bytes, scheme: Scheme) -> JsonObject:
    """An object with `apiVersion` and `kind` from an envelope; ApiError 400 when malformed."""
    raise NotImplementedError


def encode(obj: JsonObject, resource: Resource) -> bytes:
    """The envelope for an object of this resource (its `kind` decides: lists are taken too)."""
    raise NotImplementedError
