"""From exceptions to answers: one place where storage errors become Kubernetes' errors.

Neighbours: `apiserver.server` calls `answer` for whatever escapes a handler. Bugs become a 500
without details for the client and a traceback in the log; nothing else does.
"""

import logging

import orjson

from apimachinery import status, wire
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


def answer(error: Exception) -> wire.Response:
    """The response for any exception."""
    found = translate(error)
    headers = {"Content-Type": "application/json", **found.headers}
    return wire.Response(found.code, headers, orjson.dumps(found.to_status()))
