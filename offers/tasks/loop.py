"""One worker of a queue of keys: a step that the API server refuses comes again later.

Neighbours: `tasks.service` and `tasks.executors` bring the step and run several of these.
"""

import logging
from collections.abc import Awaitable, Callable

from apimachinery import status
from apimachinery.client.workqueue import WorkQueue

LOG = logging.getLogger(__name__)


async def work(queue: WorkQueue, step: Callable[[str], Awaitable[None]], what: str) -> None:
    """Until the queue closes. `what` names the keys in the log; other errors pass through."""
    while (key := await queue.get()) is not None:
        try:
            await step(key)
        except status.ApiError as error:
            delay = queue.retry(key)
            LOG.info("%s=%s again in %.2f s: %s", what, key, delay, error.message)
        else:
            queue.forget(key)
        finally:
            queue.done(key)
