"""What loops do to the objects of their kind: news about them, their status, the end of a pod.

Neighbours: `controllers.ownership` claims, `controllers.expectations` remembers what was done.
Nothing is decided here: plans do that.
"""

from apimachinery import scheme, status
from apimachinery.client import events
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import base, views
from controllers import expectations as expecting


class Acts:
    """The acts of one loop on the objects of one resource."""

    def __init__(self, context: base.Context, resource: Resource) -> None:
        self._client = context.client
        self._recorder = context.recorder
        self._resource = resource

    def about(self, one: views.Meta) -> events.Reference:
        """What news about the object refer to."""
        return events.Reference(
            self._resource.api_version,
            self._resource.kind,
            one.name,
            one.namespace,
            one.uid,
            one.version,
        )

    def tell(self, one: views.Meta, reason: str, text: str, *, bad: bool = False) -> None:
        """An Event about the object."""
        self._recorder.event(self.about(one), reason, text, type="Warning" if bad else "Normal")

    def refused(self, one: views.Meta, error: status.ApiError) -> None:
        """A pod of the object's could not be made; no news where its namespace ends."""
        if not namespace_ends(error):
            self.tell(one, "FailedCreate", f"Error creating: {error.message}", bad=True)

    async def remove(self, owner: views.Meta, pod: views.Pod, done: set[str]) -> None:
        """Delete a pod of the owner's and tell of it; `done` notes it for the expectations."""
        try:
            deleted = await self.delete_pod(pod)
        except status.ApiError as error:
            self.tell(owner, "FailedDelete", f"Error deleting: {error.message}", bad=True)
            raise
        if deleted:
            done.add(expecting.deleted(pod.meta.uid))
            self.tell(owner, "SuccessfulDelete", f"Deleted pod: {pod.meta.name}")

    async def write_status(
        self, one: views.Meta, before: JsonObject, wanted: JsonObject, *, guarded: bool = False
    ) -> bool:
        """Make the status what is wanted; answers whether anything was written."""
        if wanted == before:
            return False
        return await self.patch_status(one, difference(before, wanted), guarded=guarded)

    async def patch_status(
        self, one: views.Meta, patch: JsonObject, *, guarded: bool = False
    ) -> bool:
        """Merge into the status. `guarded`: only into the version that we looked at."""
        body: JsonObject = {"status": patch}
        if guarded:
            body["metadata"] = {"resourceVersion": one.version}
        try:
            await self._client.patch(
                self._resource, one.name, body, one.namespace, subresource="status"
            )
        except status.NotFound:
            return False
        return True

    async def delete_pod(self, pod: views.Pod) -> bool:
        """False where somebody else was faster; the mirror will tell."""
        try:
            await self._client.delete(
                scheme.PODS,
                pod.meta.name,
                pod.meta.namespace,
                preconditions={"uid": pod.meta.uid},
            )
        except (status.NotFound, status.Conflict):
            return False
        return True


def namespace_ends(error: status.ApiError) -> bool:
    """Whether something was refused because its namespace is being deleted."""
    return any(cause.get("reason") == "NamespaceTerminating" for cause in error.causes)


def difference(before: JsonObject, wanted: JsonObject) -> JsonObject:
    """A merge patch after which nothing is left of `before`, down one level."""
    return {name: wanted.get(name) for name in (*before, *wanted)}
