"""From exceptions to answers: one place where storage errors become Kubernetes' errors.

Neighbours: `apiserver.server` calls `answer` for whatever escapes a handler. Bugs become a 500
without details for the client and a traceback in the log; nothing else does.
"""

import logging
from http import HTTPStatus

from apimachinery import status, wire
from apiserver import encoding, negotiation
from apiserver.storage import errors as storage

LOG = logging.getLogger(__name__)

RETRY_SECONDS = 1
"""What a client is told to wait when the store does not answer."""


def translate(error: Exception) -> status.ApiError:
    """The API error for any exception."""
    match error:
        case status.ApiError():
            return error
        case storage.Compacted() | storage.FutureRevision():
            return status.expired(
                "The resourceVersion for the provided list or watch is too old or unknown."
            )
        case storage.UnknownOutcome() | storage.Unavailable() | storage.WatchCut():
            return status.service_unavailable(f"the store: {error}", RETRY_SECONDS)
        case storage.ValueTooLarge():
            return status.ApiError(str(error), code=413, reason="RequestEntityTooLarge")
        case storage.KeyExists() | storage.KeyMissing() | storage.RevisionConflict():
            return status.Conflict(status.CONFLICT_DETAIL)
        case _:
            LOG.error("request failed", exc_info=error)
            return status.internal_error(type(error).__name__)


def answer(error: Exception, accept: str = "") -> wire.Response:
    """The response for any exception, in a form that the Accept header allows if there is one."""
    found = translate(error)
    # Who takes no form of the object is told so in JSON.
    is_refused_form = found.code == HTTPStatus.NOT_ACCEPTABLE
    media_type = negotiation.of_error("" if is_refused_form else accept).media_type
    body = encoding.encode(media_type, found.to_status())
    return wire.Response(found.code, {"Content-Type": media_type, **found.headers}, body)
