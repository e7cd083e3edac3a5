"""Reservations and persistent volumes of nodes, kept beyond this process; feedback on operations.

What a node's resources were converted into stands in an annotation of its Node object and is carved
into the books again at the next start. Only when it is written does a framework hear that its
operation is finished; if the operation had an id, it hears so again until it acknowledges.
Neighbours: `tasks.operations` (pure) says what an operation means, `ledger` does it,
`http.calls` brings those of frameworks, `http.actions` those of operators.
"""

import base64
import json
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from apimachinery import meta, scheme, status
from apimachinery.client.rest import Client
from apimachinery.client.workqueue import WorkQueue
from apimachinery.mesos import marks
from apimachinery.wire import JsonObject
from offers import shapes
from offers.framework import Framework
from offers.frameworks import Frameworks
from offers.master import OfferMaster
from offers.messages import Conversion
from offers.tasks import operations
from offers.tasks.operations import OperationError
from offers.volumes import Volumes

LOG = logging.getLogger(__name__)

ANNOTATION = "offers.bireme.dev/reservations"
STATUSES_MAX = 1000
"""Operations of one framework whose end is remembered."""


@dataclass(slots=True)
class _Waiting:
    """Who is to hear when a node's annotation is written."""

    framework_id: str
    status: JsonObject


class Reservations:
    """See the module's docstring."""

    def __init__(self, client: Client, master: OfferMaster, frameworks: Frameworks) -> None:
        self._client, self._master, self._frameworks = client, master, frameworks
        self.volumes = Volumes()
        self._queue = WorkQueue()
        self._waiting: dict[str, list[_Waiting]] = {}
        """Node → statuses to be sent once it is written."""
        self._statuses: dict[str, OrderedDict[str, JsonObject]] = {}
        """Framework → operation id → its last status."""

    async def restore(self) -> None:
        """Carve what was converted before into the books."""
        for node in (await self._client.list(scheme.NODES))["items"]:
            text = meta.annotations(node).get(ANNOTATION)
            if text:
                try:
                    self._master.ledger.carve(meta.name(node), _vector(text))
                    self.volumes.restore(
                        meta.name(node), meta.annotations(node).get(marks.VOLUMES) or "{}"
                    )
                except ValueError:
                    LOG.warning("node=%s: reservations make no sense: %s", meta.name(node), text)

    async def run(self) -> None:
        """Write what changed, for ever."""
        while (node := await self._queue.get()) is not None:
            try:
                await self._write(node)
            except status.ApiError as error:
                LOG.info("reservations of %s: %s", node, error.message)
                self._queue.retry(node)
            else:
                self._queue.forget(node)
            finally:
                self._queue.done(node)

    async def _write(self, node: str) -> None:
        account = self._master.ledger.accounts.get(node)
        told = self._waiting.pop(node, [])
        carved = dict(account.carved) if account is not None else {}
        text = json.dumps(carved, sort_keys=True) if carved else None
        try:
            volumes = self.volumes.dump(node, carved)
            patch = {"metadata": {"annotations": {ANNOTATION: text, marks.VOLUMES: volumes}}}
            await self._client.patch(scheme.NODES, node, patch)
        except status.NotFound:
            pass  # the node left, and what was reserved on it
        except status.ApiError:
            self._waiting[node] = [*told, *self._waiting.get(node, [])]
            raise
        for one in told:
            self._tell(one.framework_id, one.status)

    # --- what frameworks did

    def done(
        self, framework: Framework, node: str, made: Sequence[tuple[JsonObject, Conversion]]
    ) -> None:
        """Operations of an ACCEPT that are in the books."""
        for operation, change in made:
            self.volumes.changed(node, change)
            if operation["type"] == "DESTROY":
                self._master.cluster.void(node)  # shared ones may be on offer to others too
            if "id" in operation:
                found = {
                    "operation_id": operation["id"],
                    "state": "OPERATION_FINISHED",
                    "converted_resources": shapes.to_mesos(change.after),
                    "agent_id": {"value": node},
                    "uuid": {"value": base64.b64encode(uuid.uuid4().bytes).decode()},
                }
                self._waiting.setdefault(node, []).append(_Waiting(framework.id, found))
        if made:
            self._queue.add(node)

    def failed(self, framework: Framework, failures: Iterable[tuple[JsonObject, str]]) -> None:
        for operation, message in failures:
            LOG.info("operation=%s framework=%s: %s", operation.get("type"), framework.id, message)
            if "id" in operation:
                found = {
                    "operation_id": operation["id"],
                    "state": "OPERATION_ERROR",
                    "message": message,
                }
                self._tell(framework.id, found)

    def _tell(self, framework_id: str, found: JsonObject) -> None:
        known = self._known(framework_id)
        operation_id = found["operation_id"]["value"]
        known.pop(operation_id, None)
        known[operation_id] = found
        while len(known) > STATUSES_MAX:
            known.popitem(last=False)
        framework = self._frameworks.get(framework_id)
        if framework is not None:
            _send(framework, found)

    def _known(self, framework_id: str) -> OrderedDict[str, JsonObject]:
        return self._statuses.setdefault(framework_id, OrderedDict())

    def connected(self, framework: Framework) -> None:
        """What it has not acknowledged comes again."""
        for found in self._known(framework.id).values():
            if "uuid" in found:
                _send(framework, found)

    def acknowledge(self, framework: Framework, operation_id: str, update: str) -> None:
        found = self._known(framework.id).get(operation_id)
        if found is not None and found.get("uuid", {}).get("value") == update:
            del found["uuid"]

    def reconcile(
        self, framework: Framework, wanted: Sequence[JsonObject], node_state: Callable[[str], str]
    ) -> None:
        """RECONCILE_OPERATIONS; nothing wanted is everything known."""
        known = self._known(framework.id)
        for one in wanted or [{"operation_id": {"value": each}} for each in known]:
            found = known.get(one["operation_id"]["value"])
            if found is None:
                found = {"operation_id": one["operation_id"], "state": "OPERATION_UNKNOWN"}
                if "agent_id" in one:
                    found["agent_id"] = one["agent_id"]
                    if node_state(one["agent_id"]["value"]) == "unreachable":
                        found["state"] = "OPERATION_UNREACHABLE"
            _send(framework, {n: v for n, v in found.items() if n != "uuid"})

    # --- what operators do

    async def apply(self, node: str, operation: JsonObject, principal: str) -> None:
        """On what nobody uses, offered or not; OperationError."""
        account = self._master.ledger.accounts.get(node)
        if account is None:
            raise OperationError(f"No agent found with ID {node}")
        change = operations.convert(operation, "", principal)
        if operation["type"] == "CREATE":
            clash = operations.volumes_of(change.after) & operations.volumes_of(account.capacity)
            if clash:
                raise OperationError(f"Persistence ID '{min(clash)[1]}' is in use")
        lost = operations.volumes_of(change.before) - operations.volumes_of(change.after)
        if busy := lost & operations.volumes_in_use(self._master.ledger, node):
            raise OperationError(f"Persistent volume '{min(busy)[1]}' is in use")
        if not self._master.ledger.convert(node, change.before, change.after):
            self._master.cluster.void(node)  # some of it may be on offer
            if not self._master.ledger.convert(node, change.before, change.after):
                raise OperationError("The agent does not have these resources, or they are in use")
        self.volumes.changed(node, change)
        self._master.cluster.void(node)
        await self._write(node)


def _send(framework: Framework, found: JsonObject) -> None:
    body = {"status": found}
    framework.send({"type": "UPDATE_OPERATION_STATUS", "update_operation_status": body})


def _vector(text: str) -> dict[str, int]:
    found = json.loads(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return {str(name): int(value) for name, value in found.items()}
