"""What webhooks and policies have changed goes through structure and defaults again, as what a
client sends does. Neighbours: `webhooks.plugins`, `policies.mutating`.
"""

import logging

from apimachinery import decode, defaults, status
from apimachinery.wire import JsonObject
from apiserver.admission.chain import Attempt

LOG = logging.getLogger(__name__)


class Unfit(Exception):  # noqa: N818  the failure policy decides what it means
    """What was made is no object of its kind."""


def replaced(attempt: Attempt, new: JsonObject, who: str) -> bool:
    """Put `new` into the place of the object; whether that changes anything. Raises Unfit."""
    assert attempt.obj is not None, "there is nothing to change in a deletion"
    resource = attempt.resource
    new["apiVersion"], new["kind"] = resource.api_version, resource.kind
    try:
        fitted, problems = decode.structure(resource, new)
    except status.ApiError as error:
        raise Unfit(error.message) from error
    if problems:
        LOG.warning("%s added what is dropped: %s", who, ", ".join(problems))
    defaults.apply(resource, fitted)
    if fitted == attempt.obj:
        return False
    attempt.changed_outside = True
    attempt.obj.clear()
    attempt.obj.update(fitted)
    return True
