"""Pod templates of a Deployment: telling them apart, and naming the ReplicaSets made of them.

A ReplicaSet is named after its Deployment and a hash of its template, and its pods carry the hash
as the label `pod-template-hash`. Which ReplicaSet is the current one is decided by comparing
templates, not hashes, so the hash may change between releases. Pure.
"""

import orjson

from apimachinery.wire import JsonObject

HASH_LABEL = "pod-template-hash"

SAFE_LETTERS = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels and no lookalikes, so that no suffix spells a word (Kubernetes' alphabet)."""


def template_hash(template: JsonObject, collisions: int) -> str:
    """A short, stable, name-safe hash; another one for each count of collisions."""
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions:
        data += collisions.to_bytes(8, "little")
    return safe_encode(str(fnv1a(data)))


def fnv1a(data: bytes) -> int:
    """FNV-1a, 32 bits."""
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def safe_encode(text: str) -> str:
    """Each character by one of `SAFE_LETTERS`."""
    return "".join(SAFE_LETTERS[ord(char) % len(SAFE_LETTERS)] for char in text)


def without_hash(template: JsonObject) -> JsonObject:
    """The template as its Deployment has it."""
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    bare = {k: v for k, v in metadata.items() if k != "labels"} | (
        {"labels": labels} if labels else {}
    )
    rest = {k: v for k, v in template.items() if k != "metadata"}
    return rest | ({"metadata": bare} if bare else {})


def with_hash(template: JsonObject, digest: str) -> JsonObject:
    """The template as the pods of its ReplicaSet shall carry it."""
    metadata = template.get("metadata") or {}
    labels = (metadata.get("labels") or {}) | {HASH_LABEL: digest}
    return template | {"metadata": metadata | {"labels": labels}}


def selector_with_hash(selector: JsonObject, digest: str) -> JsonObject:
    """The Deployment's selector, narrowed to one template."""
    return selector | {"matchLabels": (selector.get("matchLabels") or {}) | {HASH_LABEL: digest}}
