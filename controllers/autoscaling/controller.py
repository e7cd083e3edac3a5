"""The loop of HorizontalPodAutoscalers: every fifteen seconds a look, and at a change of the spec.

Neighbours: `autoscaling.metrics` reads, `estimate` and `behavior` decide, `model` has the status.
The target's `scale` subresource is all that is written besides: whatever has one can be scaled,
custom resources too.
"""

from apimachinery import meta, scheme, status
from apimachinery.resource import Resource
from apimachinery.wire import JsonObject
from controllers import acts, base, kinds, views
from controllers.autoscaling import behavior, metrics, model
from controllers.autoscaling.estimate import NoEstimateError
from controllers.autoscaling.look import Look, describe, without_value

SYNC_SECONDS = 15.0
"""Between two looks (Kubernetes' number); usage is a rate, so nothing tells when it changed."""


class Autoscalers(base.Controller):
    """See the module's docstring."""

    name = "horizontal-pod-autoscaler"

    def __init__(self, context: base.Context, known: kinds.Kinds) -> None:
        super().__init__(context)
        self._known = known
        self._acts = acts.Acts(context, scheme.HORIZONTALPODAUTOSCALERS)
        self._autoscalers = context.informers.objects(scheme.HORIZONTALPODAUTOSCALERS)
        self._histories: dict[str, behavior.History] = {}
        """By uid; gone with the autoscaler."""
        self._autoscalers.add_handler(self._changed)

    def _changed(self, key: str, old: views.Object | None, new: views.Object | None) -> None:
        if new is None:
            if old is not None:
                self._histories.pop(old.meta.uid, None)
        elif old is None or old.load()["spec"] != new.load()["spec"]:
            # Our own status must not make us look again at once.
            self.queue.add(key)

    async def reconcile(self, key: str) -> None:
        view = self._autoscalers.get(key)
        if view is None or view.meta.deleting:
            return
        scaler = model.autoscaler_of(view.load())
        sheet = model.sheet_of(scaler, self.context.clock.now())
        try:
            await self._look(scaler, sheet)
        except NoEstimateError as trouble:
            self._acts.tell(scaler.meta, trouble.reason, str(trouble), bad=True)
        finally:
            self.queue.add_after(key, SYNC_SECONDS)
        wanted = sheet.status(scaler.meta.generation)
        await self._acts.write_status(scaler.meta, scaler.status, wanted)

    async def _look(self, scaler: model.Autoscaler, sheet: model.Sheet) -> None:
        resource, scale = await self._scale_of(scaler, sheet)
        current = int((scale.get("spec") or {}).get("replicas") or 0)
        sheet.current = int((scale.get("status") or {}).get("replicas") or 0)
        sheet.note(
            "AbleToScale",
            True,
            "SucceededGetScale",
            "the HPA controller was able to get the target's current scale",
        )
        if current == 0 and scaler.least != 0:
            sheet.desired = 0
            sheet.note(
                "ScalingActive",
                False,
                "ScalingDisabled",
                "scaling is disabled since the replica count of the target is zero",
            )
            return
        wanted, why = await self._wanted(scaler, sheet, scale, current)
        found = self._bounded(scaler, sheet, wanted, current)
        sheet.desired = found.replicas
        if found.replicas != current:
            await self._rescale(scaler, sheet, resource, scale, found.replicas, why)

    async def _scale_of(
        self, scaler: model.Autoscaler, sheet: model.Sheet
    ) -> tuple[Resource, JsonObject]:
        target = scaler.target
        try:
            resource = self._known.find(target.get("apiVersion") or "", target["kind"])
            if resource is None:
                raise status.bad_request(
                    f'no matches for kind "{target["kind"]}" in group "{target.get("apiVersion")}"'
                )
            return resource, await self.client.get(
                resource, target["name"], scaler.meta.namespace, subresource="scale"
            )
        except status.ApiError as error:
            text = (
                f"the HPA controller was unable to get the target's current scale: {error.message}"
            )
            sheet.note("AbleToScale", False, "FailedGetScale", text)
            raise NoEstimateError("FailedGetScale", error.message) from error

    async def _wanted(
        self, scaler: model.Autoscaler, sheet: model.Sheet, scale: JsonObject, current: int
    ) -> tuple[int, str]:
        """Replicas that are asked for, and the words for the event."""
        if current > scaler.most:
            return scaler.most, "Current number of replicas above Spec.MaxReplicas"
        if current < scaler.least:
            return scaler.least, "Current number of replicas below Spec.MinReplicas"
        selector = (scale.get("status") or {}).get("selector") or ""
        if not selector:
            text = "the HPA target's scale is missing a selector"
            sheet.note("ScalingActive", False, "InvalidSelector", text)
            raise NoEstimateError("SelectorRequired", "selector is required")
        work = await metrics.workload(self.client, scaler.meta.namespace, selector)
        best, name = -1, ""
        troubles: list[tuple[str, NoEstimateError]] = []
        look = Look(self.client, self._known, scaler, work, current, sheet.now)
        for metric in scaler.metrics:
            try:
                found, told = await look.at(metric)
            except NoEstimateError as trouble:
                self._acts.tell(scaler.meta, trouble.reason, str(trouble), bad=True)
                troubles.append((without_value(metric), trouble))
                continue
            sheet.measured.append(told)
            if found.replicas > best:
                best, name = found.replicas, describe(metric)
        if troubles and best < current:
            # What is not known might ask for more: never down on half the facts.
            what, first = troubles[0]
            text = f"the HPA was unable to compute the replica count: {first}"
            sheet.note("ScalingActive", False, first.reason, text)
            count = f"{len(troubles)} invalid out of {len(scaler.metrics)}"
            text = f"invalid metrics ({count}), first error is: failed to get {what} metric value"
            raise NoEstimateError("FailedComputeMetricsReplicas", f"{text}: {first}")
        text = f"the HPA was able to successfully calculate a replica count from {name}"
        sheet.note("ScalingActive", True, "ValidMetricFound", text)
        return best, f"{name} above target" if best > current else "All metrics below target"

    def _bounded(
        self, scaler: model.Autoscaler, sheet: model.Sheet, wanted: int, current: int
    ) -> behavior.Bounded:
        history = self._histories.setdefault(scaler.meta.uid, behavior.History())
        history.recommend(wanted, sheet.now)
        found = behavior.bound(
            wanted,
            current,
            scaler.least,
            scaler.most,
            scaler.up,
            scaler.down,
            history,
            sheet.now,
        )
        sheet.note("AbleToScale", True, *model.READINESS[found.stabilized])
        reason = found.limited or "DesiredWithinRange"
        sheet.note("ScalingLimited", bool(found.limited), reason, model.LIMITS[found.limited])
        return found

    async def _rescale(
        self,
        scaler: model.Autoscaler,
        sheet: model.Sheet,
        resource: Resource,
        scale: JsonObject,
        replicas: int,
        why: str,
    ) -> None:
        before = int((scale.get("spec") or {}).get("replicas") or 0)
        # The version makes it fail where somebody else has scaled meanwhile.
        change = {
            "metadata": {"resourceVersion": scale["metadata"].get("resourceVersion")},
            "spec": {"replicas": replicas},
        }
        try:
            await self.client.patch(
                resource, scaler.target["name"], change, scaler.meta.namespace, subresource="scale"
            )
        except status.ApiError as error:
            text = f"the HPA controller was unable to update the target scale: {error.message}"
            sheet.note("AbleToScale", False, "FailedUpdateScale", text)
            text = f"New size: {replicas}; reason: {why}; error: {error.message}"
            raise NoEstimateError("FailedRescale", text) from error
        text = f"the HPA controller was able to update the target scale to {replicas}"
        sheet.note("AbleToScale", True, "SucceededRescale", text)
        sheet.last_scale = meta.format_time(sheet.now)
        self._histories[scaler.meta.uid].changed(replicas - before, sheet.now)
        self._acts.tell(scaler.meta, "SuccessfulRescale", f"New size: {replicas}; reason: {why}")
