"""An object as bytes of a media type: JSON, YAML, protobuf, and the frames of a watch.

A protobuf watch is a row of frames: four bytes of length, then a WatchEvent whose object is a whole
protobuf body. Pure. Neighbours: `apiserver.negotiation` finds the media type that the client takes,
`apiserver.handlers.render` and `watch` answer with what is made here. JSON of stored objects never
comes through here: its bytes are there already.
"""

from functools import lru_cache

import orjson

from apimachinery import protobuf
from apimachinery.protobuf_scalars import field
from apimachinery.resource import Resource
from apimachinery.types.base import facts
from apimachinery.wire import JsonObject
from apiserver.negotiation import PROTOBUF, YAML

KINDS_REMEMBERED = 512
"""Resources for which it is known whether they have a protobuf form; there are fewer of ours."""


def encode(media_type: str, obj: JsonObject) -> bytes:
    """Any object that names its kind; in protobuf only one of a kind that has such a form."""
    if media_type == PROTOBUF:
        return protobuf.encode(obj)
    if media_type == YAML:
        import yaml

        text: bytes = yaml.dump(obj, Dumper=yaml.CSafeDumper, sort_keys=False, encoding="utf-8")
        return text
    return orjson.dumps(obj)


def protobuf_frame(kind: str, obj: JsonObject) -> bytes:
    """One event of a watch."""
    event = field(1, kind.encode()) + field(2, field(1, protobuf.encode(obj)))
    return len(event).to_bytes(4, "big") + event


@lru_cache(maxsize=KINDS_REMEMBERED)
def has_protobuf(resource: Resource) -> bool:
    """Whether its objects have a protobuf form: custom resources and kinds of our own have none."""
    model = resource.load_model()
    return model is not None and any(one.number for one in facts(model).values())
