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
from apimachinery.wire import JsonObject
from apiserver.admission.chain import Attempt

API_VERSION = "admission.k8s.io/v1"

OPTIONS = {
    "CREATE": "CreateOptions",
    "UPDATE": "UpdateOptions",
    "DELETE": "DeleteOptions",
    "CONNECT": "",
}

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


def request_of(attempt: Attempt, version: str, uid: str) -> JsonObject:
    """The review that asks about a write, its objects in `version`."""
    resource = attempt.resource
    kind = {"group": resource.group, "version": version, "kind": resource.kind}
    place = {"group": resource.group, "version": version, "resource": resource.plural}
    user = attempt.user
    request: JsonObject = {
        "uid": uid,
        "kind": kind,
        "resource": place,
        "requestKind": {**kind, "version": resource.version},
        "requestResource": {**place, "version": resource.version},
        "name": attempt.name,
        "operation": attempt.operation,
        "userInfo": {
            "username": user.name,
            "uid": user.uid,
            "groups": list(user.groups),
            "extra": {key: list(values) for key, values in user.extra.items()},
        },
        "object": _in_version(attempt.obj, resource.group, version),
        "oldObject": _in_version(attempt.old, resource.group, version),
        "dryRun": attempt.dry_run,
        "options": {"apiVersion": "meta.k8s.io/v1", "kind": OPTIONS[attempt.operation]},
    }
    if attempt.subresource:
        request["subResource"] = request["requestSubResource"] = attempt.subresource
    if attempt.namespace:
        request["namespace"] = attempt.namespace
    return {"apiVersion": API_VERSION, "kind": "AdmissionReview", "request": request}


def _in_version(obj: JsonObject | None, group: str, version: str) -> JsonObject | None:
    if obj is None:
        return None
    return {**obj, "apiVersion": f"{group}/{version}" if group else version}


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
    if not isinstance(new, dict) or not isinstance(new.get("metadata"), dict):
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
