"""AdmissionReview: what is sent to a webhook, and what its answer means; pure.

Neighbours: `caller` carries the bytes, `plugins` asks. An answer that is none raises
`BadAnswer`; a refusal becomes the ApiError that the writer is told.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import orjson

from apimachinery import status
from apimachinery.patch import json as json_patch
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from apiserver.admission.chain import Attempt

API_VERSION = "admission.k8s.io/v1"

OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}
"""Of each operation that has any."""

MAX_WARNINGS = 16
"""Of one webhook; the writer's answer has a bound of its own."""


class BadAnswer(Exception):  # noqa: N818  the failure policy decides what it means
    """The webhook answered, but not with a review."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A webhook's answer, read."""

    allowed: bool
    patch: list[Any] | None
    refusal: JsonObject
    """The Status that came with it, may be empty."""
    warnings: tuple[str, ...]
    annotations: dict[str, str]
    """For the audit log."""


def request_of(attempt: Attempt, row: Resource, uid: str) -> JsonObject:
    """The review that asks about a write, its objects being of `row`."""
    own = attempt.gvk if attempt.of_own_kind else None
    kind, asked = own or row.gvk, own or attempt.asked.gvk
    user = attempt.user
    request: JsonObject = {
        "uid": uid,
        "kind": _named("kind", kind),
        "resource": _named("resource", row.gvr),
        "requestKind": _named("kind", asked),
        "requestResource": _named("resource", attempt.asked.gvr),
        "name": attempt.name,
        "operation": attempt.operation,
        "userInfo": {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra.items()},
        },
        "object": _of_kind(attempt.obj, kind),
        "oldObject": _of_kind(attempt.old, kind),
        "dryRun": attempt.dry_run,
        "options": None,
    }
    if attempt.operation in OPTIONS:
        kind_of_options = {"apiVersion": "meta.k8s.io/v1", "kind": OPTIONS[attempt.operation]}
        request["options"] = {**kind_of_options, **attempt.options}
    if attempt.subresource:
        request["subResource"] = request["requestSubResource"] = attempt.subresource
    if attempt.namespace:
        request["namespace"] = attempt.namespace
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "request": request}


def _named(what: str, names: tuple[str, str, str]) -> JsonObject:
    return dict(zip(("group", "version", what), names, strict=True))


def _of_kind(obj: JsonObject | None, gvk: tuple[str, str, str]) -> JsonObject | None:
    if obj is None:
        return None
    group, version, kind = gvk
    return {**obj, "apiVersion": f"{group}/{version}" if group else version, "kind": kind}


def read(body: bytes, uid: str) -> Verdict:
    """The answer to the review of this uid."""
    try:
        review = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadAnswer(f"couldn't get version/kind; json parse error: {error}") from error
    if not isinstance(review, dict) or review.get("kind") != "AdmissionReview":
        raise BadAnswer("expected an AdmissionReview")
    if review.get("apiVersion") != API_VERSION:
        raise BadAnswer(f"expected webhook response of {API_VERSION}, Kind=AdmissionReview")
    response = review.get("response")
    if not isinstance(response, dict):
        raise BadAnswer("webhook response was absent")
    if response.get("uid") != uid:
        raise BadAnswer(f'expected response.uid="{uid}", got "{response.get("uid", "")}"')
    refusal = response.get("status")
    noted = response.get("auditAnnotations")
    return Verdict(
        allowed=response.get("allowed") is True,
        patch=_patch(response),
        refusal=refusal if isinstance(refusal, dict) else {},
        warnings=tuple(
            one for one in (response.get("warnings") or ())[:MAX_WARNINGS] if isinstance(one, str)
        ),
        annotations={key: str(one) for key, one in noted.items()}
        if isinstance(noted, dict)
        else {},
    )


def _patch(response: JsonObject) -> list[Any] | None:
    if not response.get("patch"):
        return None
    if response.get("patchType") != "JSONPatch":
        raise BadAnswer(f"webhook returned response.patchType={response.get('patchType')!r}")
    try:
        found = orjson.loads(base64.b64decode(response["patch"], validate=True))
    except (TypeError, binascii.Error, ValueError) as error:
        raise BadAnswer(f"webhook response's patch cannot be read: {error}") from error
    if not isinstance(found, list):
        raise BadAnswer("webhook response's patch is no list of operations")
    return found


def patched(obj: JsonObject, patch: list[Any]) -> JsonObject:
    """The object as a webhook wants it."""
    try:
        new = json_patch.patch(obj, patch)
    except status.ApiError as error:
        raise BadAnswer(f"webhook response's patch does not fit: {error.message}") from error
    if not isinstance(new, dict):
        raise BadAnswer("webhook response's patch leaves no object")
    return new


def refused(name: str, refusal: JsonObject) -> status.ApiError:
    """What the writer is told, in Kubernetes' words."""
    who = f'admission webhook "{name}" denied the request'
    why = refusal.get("message") or refusal.get("reason")
    code = refusal.get("code")
    details = refusal.get("details")
    return status.ApiError(
        f"{who}: {why}" if isinstance(why, str) and why else f"{who} without explanation",
        code=code if type(code) is int and 400 <= code < 600 else 400,
        reason=refusal["reason"] if isinstance(refusal.get("reason"), str) else "",
        details=details if isinstance(details, dict) else None,
    )


def failed(name: str, problem: str) -> status.ApiError:
    """A webhook that must agree could not be asked."""
    return status.internal_error(f'failed calling webhook "{name}": {problem}')
