"""The loop that approves, signs and clears away certificate requests.

Signing itself is passed in: the key of the cluster's CA never comes here. Neighbours:
`certificates.plan` decides; the authorizer says who may ask for a node's client certificate.
"""

import base64
from typing import Protocol

from apimachinery import meta, scheme, status
from apimachinery.wire import JsonObject
from controllers import base, views
from controllers.certificates import plan as planning

REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


class Sign(Protocol):
    """Signs a PEM request as it stands. Raises ValueError if it is malformed."""

    def __call__(
        self, request_pem: bytes, *, client: bool, server: bool, lifetime: int
    ) -> bytes: ...


class Certificates(base.Controller):
    """See the module's docstring."""

    name = "certificate-controller"
    workers = 2

    def __init__(self, context: base.Context, sign: Sign) -> None:
        super().__init__(context)
        self._sign = sign
        self._nodes = context.informers.nodes
        self._requests = context.informers.objects(scheme.CERTIFICATESIGNINGREQUESTS)
        self._requests.add_handler(self._request_changed)
        self._nodes.add_handler(self._node_changed)

    def _node_changed(self, key: str, old: views.Node | None, new: views.Node | None) -> None:
        """A node's addresses decide about its serving certificate: look at what waits for them."""
        del key
        if new is not None and (old is None or old.addresses != new.addresses):
            for waiting in [*self._requests.keys()]:
                self.queue.add(waiting)

    def _request_changed(
        self, key: str, old: views.Object | None, new: views.Object | None
    ) -> None:
        del old
        if new is not None:
            self.queue.add(key)

    async def reconcile(self, key: str) -> None:
        view = self._requests.get(key)
        if view is None:
            return
        obj = view.load()
        left = planning.expires_at(obj) - self.context.clock.now()
        if left <= 0:
            await self._remove(view.meta)
            return
        self.queue.add_after(key, left)
        if planning.settled(obj) or obj["spec"].get("signerName") not in planning.SIGNED:
            return
        if meta.condition_is_true((obj.get("status") or {}).get("conditions"), "Approved"):
            await self._issue(obj)
        else:
            await self._approve(obj)

    async def _approve(self, obj: JsonObject) -> None:
        spec = obj["spec"]
        try:
            request = planning.read(base64.b64decode(spec["request"]))
        except ValueError:
            # Humans may look at it; it will be cleared away in time.
            return
        usages = spec.get("usages") or []
        message = ""
        if spec["signerName"] == planning.NODE_CLIENT and planning.is_node_client(request, usages):
            own = spec.get("username") == request.common_name
            if await self._allowed(spec, "selfnodeclient" if own else "nodeclient"):
                message = "Auto approving kubelet client certificate after SubjectAccessReview."
        elif spec["signerName"] == planning.NODE_SERVING:
            name = request.common_name.removeprefix(planning.NODE_PREFIX)
            node = self._nodes.get(name)
            known = (*node.addresses, name) if node is not None else ()
            user, groups = spec.get("username") or "", spec.get("groups") or []
            fits = planning.is_node_serving(request, usages)
            if fits and planning.is_own(request, user, groups, known):
                message = "Auto approving kubelet serving certificate for the node's own addresses."
        if message:
            body = planning.approved(obj, message, self.context.clock.now())
            await self.client.update(
                scheme.CERTIFICATESIGNINGREQUESTS, body, subresource="approval"
            )

    async def _allowed(self, spec: JsonObject, subresource: str) -> bool:
        review = planning.review_of(spec, subresource)
        answer = await self.client.post(REVIEWS, review)
        return bool((answer.get("status") or {}).get("allowed"))

    async def _issue(self, obj: JsonObject) -> None:
        spec = obj["spec"]
        usages = spec.get("usages") or []
        try:
            pem = base64.b64decode(spec["request"])
            refusal = planning.why_not(spec["signerName"], planning.read(pem), usages)
            if refusal:
                await self._fail(obj, refusal)
                return
            certificate = self._sign(
                pem,
                client="client auth" in usages,
                server="server auth" in usages,
                lifetime=planning.lifetime(spec),
            )
        except ValueError as error:
            await self._fail(obj, str(error))
            return
        patch = {"status": {"certificate": base64.b64encode(certificate).decode()}}
        await self.client.patch(
            scheme.CERTIFICATESIGNINGREQUESTS, meta.name(obj), patch, subresource="status"
        )

    async def _fail(self, obj: JsonObject, message: str) -> None:
        failure = {
            "type": "Failed",
            "status": "True",
            "reason": "SignerValidationFailure",
            "message": message,
        }
        present = (obj.get("status") or {}).get("conditions")
        conditions = meta.set_condition(present, failure, self.context.clock.now())
        await self.client.patch(
            scheme.CERTIFICATESIGNINGREQUESTS,
            meta.name(obj),
            {"status": {"conditions": conditions}},
            subresource="status",
        )

    async def _remove(self, request: views.Meta) -> None:
        try:
            await self.client.delete(
                scheme.CERTIFICATESIGNINGREQUESTS,
                request.name,
                preconditions={"uid": request.uid},
            )
        except (status.NotFound, status.Conflict):
            return
