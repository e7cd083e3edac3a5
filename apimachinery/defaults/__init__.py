"""Kubernetes' defaults, filled into JSON objects in place; idempotent, pure.

One module per group of kinds. Called after `apimachinery.decode` and before admission and
`apimachinery.validation`.
"""

from apimachinery.resource import Resource
from apimachinery.wire import JsonObject


def apply(resource: Resource, obj: JsonObject) -> None:
    """Fill in the defaults of the resource's kind."""
