"""Deciding the next step of a Deployment: which ReplicaSets exist, and how large each is. Pure.

One call plans one step from what the mirrors show. Steps are small and safe on their own: the
number of pods never rises above replicas + maxSurge, and no step takes away an available pod that
maxUnavailable needs. The rules, in this order, are Kubernetes':

- paused, or the size changed: scale what exists, in proportion, and start nothing new;
- Recreate: all old pods go first, then the new ones come;
- RollingUpdate: the new ReplicaSet grows into the room that the surge leaves, or else the old
  ones shrink by what may be missed, unhealthy pods first;
- done: old empty ReplicaSets beyond the history limit are deleted.

Neighbours: `deployment.model` has the values, `deployment.status` the conditions,
`deployment.controller` acts.
"""

from collections.abc import Sequence
from collections.abc import Set as AbstractSet

from apimachinery import meta
from apimachinery.wire import JsonObject
from controllers.deployment import model, status
from controllers.deployment import template as templates
from controllers.deployment.model import Deployment, ReplicaSet

HISTORY_CHARACTERS = 2000
"""Room for the list of past revisions on one ReplicaSet (Kubernetes' number)."""

NOT_COPIED = frozenset(
    {
        "kubectl.kubernetes.io/last-applied-configuration",
        "deprecated.deployment.rollback.to",
        model.REVISION,
        model.REVISION_HISTORY,
        model.DESIRED_REPLICAS,
        model.MAX_REPLICAS,
    }
)
"""Annotations of a Deployment that its ReplicaSets do not take over."""


def plan(
    deployment: Deployment, sets: Sequence[ReplicaSet], with_pods: AbstractSet[str], now: float
) -> model.Plan:
    """`sets` are working copies, changed here; `with_pods` the uids of sets with live pods."""
    step = _Step(deployment, sets, with_pods, now)
    if deployment.meta.deleting:
        return step.finish(step.counted())
    step.note_pause()
    if deployment.paused or _resized(deployment, sets):
        step.refresh()
        step.scale()
        if deployment.paused:
            step.clean_up()
        return step.finish(step.counted())
    if deployment.rolling:
        step.roll()
    else:
        step.recreate()
    if status.is_complete(deployment, deployment.status):
        step.clean_up()
    return step.finish(step.of_rollout())


def _resized(deployment: Deployment, sets: Sequence[ReplicaSet]) -> bool:
    """Whether some live ReplicaSet was last sized for another number of replicas."""
    wanted = str(deployment.replicas)
    return any(
        one.annotations.get(model.DESIRED_REPLICAS, wanted) != wanted for one in model.active(sets)
    )


def room_for_new(deployment: Deployment, sets: Sequence[ReplicaSet], new: ReplicaSet) -> int:
    """The size that the new ReplicaSet may have now."""
    if not deployment.rolling:
        return deployment.replicas
    room = deployment.max_replicas - model.total(sets)
    if room <= 0:
        return new.replicas
    return new.replicas + min(room, deployment.replicas - new.replicas)


class _Step:
    """One step in the making: orders so far, and the sets as they will be."""

    def __init__(
        self,
        deployment: Deployment,
        sets: Sequence[ReplicaSet],
        with_pods: AbstractSet[str],
        now: float,
    ) -> None:
        self.deployment = deployment
        self.with_pods = with_pods
        self.now = now
        self.actions: list[model.Action] = []
        self.conditions: list[JsonObject] = list(deployment.status.get("conditions") or ())
        ordered = sorted(sets, key=lambda one: one.age_key)
        self.new = next((one for one in ordered if one.template == self._template()), None)
        self.old = [one for one in ordered if one is not self.new]

    def _template(self) -> JsonObject:
        return templates.without_hash(self.deployment.template)

    @property
    def all(self) -> list[ReplicaSet]:
        return self.old if self.new is None else [*self.old, self.new]

    # --- ends

    def counted(self) -> JsonObject:
        return status.counted(self.deployment, self.all, self.new, self.conditions, self.now)

    def of_rollout(self) -> JsonObject:
        return status.of_rollout(self.deployment, self.all, self.new, self.conditions, self.now)

    def finish(self, wanted: JsonObject) -> model.Plan:
        again = status.seconds_until_stuck(self.deployment, wanted, self.now)
        changed = wanted if wanted != self.deployment.status else None
        return model.Plan(tuple(self.actions), changed, again)

    def note_pause(self) -> None:
        """A paused rollout cannot be late; say so, unless it is late already."""
        current = meta.get_condition(self.conditions, "Progressing")
        reason = current.get("reason") if current else None
        if not self.deployment.has_deadline or reason == status.TIMED_OUT:
            return
        if self.deployment.paused and reason != status.PAUSED:
            self._progressing("Unknown", status.PAUSED, "Deployment is paused")
        elif not self.deployment.paused and reason == status.PAUSED:
            self._progressing("Unknown", status.RESUMED, "Deployment is resumed")

    def _progressing(self, value: str, reason: str, message: str) -> None:
        self.conditions = status.put(
            self.conditions, "Progressing", value, reason, message, self.now
        )

    # --- the new ReplicaSet

    def ensure_new(self) -> ReplicaSet:
        """The ReplicaSet of the present template, created or brought up to date."""
        revision = max((one.revision for one in self.old), default=0) + 1
        if self.new is None:
            self.new = self._create(revision)
        else:
            self._refresh(self.new, revision)
        noted = self.deployment.annotations.get(model.REVISION)
        if noted != self.new.annotations[model.REVISION]:
            self.actions.append(model.SetRevision(self.new.revision))
        return self.new

    def refresh(self) -> None:
        """Bring the ReplicaSet of the present template up to date, if there is one."""
        if self.new is not None:
            self.ensure_new()

    def _create(self, revision: int) -> ReplicaSet:
        deployment = self.deployment
        digest = templates.template_hash(deployment.template, deployment.collisions)
        template = templates.with_hash(deployment.template, digest)
        name = f"{deployment.meta.name}-{digest}"
        body: JsonObject = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {
                "name": name,
                "namespace": deployment.meta.namespace,
                "labels": template["metadata"]["labels"],
                "ownerReferences": [
                    meta.owner_reference(
                        "apps/v1", "Deployment", deployment.meta.name, deployment.meta.uid
                    )
                ],
            },
            "spec": {
                "replicas": 0,
                "minReadySeconds": deployment.min_ready_seconds,
                "selector": templates.selector_with_hash(deployment.selector, digest),
                "template": template,
            },
        }
        new = model.replicaset_of(body)
        new.replicas = room_for_new(deployment, [*self.old, new], new)
        annotations = {
            **self._copied_annotations(),
            model.REVISION: str(revision),
            **self._size_annotations(),
        }
        new.annotations = annotations
        body["metadata"]["annotations"] = annotations
        body["spec"]["replicas"] = new.replicas
        news = self._scaled(new, 0) if new.replicas else None
        self.actions.append(model.CreateSet(body, news))
        if deployment.has_deadline:
            text = f'Created new replica set "{name}"'
            self._progressing("True", status.CREATED, text)
        return new

    def _refresh(self, new: ReplicaSet, revision: int) -> None:
        """Annotations, revision and minReadySeconds of an existing ReplicaSet."""
        changes = {
            key: value
            for key, value in self._copied_annotations().items()
            if new.annotations.get(key) != value
        }
        if new.revision < revision:
            self._begin_anew(new)
            former = new.annotations.get(model.REVISION)
            changes[model.REVISION] = str(revision)
            if former:
                history = new.annotations.get(model.REVISION_HISTORY)
                changes[model.REVISION_HISTORY] = _with_revision(history, former)
        patch: JsonObject = {"metadata": {"annotations": changes}} if changes else {}
        if new.min_ready_seconds != self.deployment.min_ready_seconds:
            patch["spec"] = {"minReadySeconds": self.deployment.min_ready_seconds}
        if patch:
            new.annotations |= changes
            self._order(new, patch, None)
        elif (
            self.deployment.has_deadline
            and meta.get_condition(self.conditions, "Progressing") is None
        ):
            self._progressing("True", status.FOUND, f'Found new replica set "{new.meta.name}"')

    def _begin_anew(self, new: ReplicaSet) -> None:
        """Going back is a rollout of its own: how long the one before took does not count."""
        if self.deployment.has_deadline and not self.deployment.paused:
            self.conditions = meta.without_condition(self.conditions, "Progressing")
            self._progressing("True", status.FOUND, f'Found new replica set "{new.meta.name}"')

    def _copied_annotations(self) -> dict[str, str]:
        return {k: v for k, v in self.deployment.annotations.items() if k not in NOT_COPIED}

    def _size_annotations(self) -> dict[str, str]:
        return {
            model.DESIRED_REPLICAS: str(self.deployment.replicas),
            model.MAX_REPLICAS: str(self.deployment.max_replicas),
        }

    # --- sizes

    def resize(self, target: ReplicaSet, size: int) -> bool:
        """Order a size (and note what it was computed for); whether the size changes."""
        sizes = self._size_annotations()
        noted = {k: v for k, v in sizes.items() if target.annotations.get(k) != v}
        changes = target.replicas != size
        if not changes and not noted:
            return False
        patch: JsonObject = {}
        if noted:
            patch["metadata"] = {"annotations": noted}
            target.annotations |= noted
        news = None
        if changes:
            before, target.replicas = target.replicas, size
            patch["spec"] = {"replicas": size}
            news = self._scaled(target, before)
        self._order(target, patch, news)
        return changes

    def _order(self, target: ReplicaSet, patch: JsonObject, news: model.News | None) -> None:
        """One patch per ReplicaSet: a second order for the same one joins the first."""
        for index, action in enumerate(self.actions):
            if isinstance(action, model.PatchSet) and action.target is target.meta:
                joined = _joined(action.patch, patch)
                self.actions[index] = model.PatchSet(target.meta, joined, news or action.news)
                return
        self.actions.append(model.PatchSet(target.meta, patch, news))

    def _scaled(self, target: ReplicaSet, before: int) -> model.News:
        word = "up" if target.replicas > before else "down"
        text = f"Scaled {word} replica set {target.meta.name} from {before} to {target.replicas}"
        return model.News("ScalingReplicaSet", text)

    # --- rolling

    def roll(self) -> None:
        new = self.ensure_new()
        if new.replicas != self.deployment.replicas and self._resize_new(new):
            return
        self._shrink_old(new)

    def _resize_new(self, new: ReplicaSet) -> bool:
        if new.replicas > self.deployment.replicas:
            return self.resize(new, self.deployment.replicas)
        return self.resize(new, room_for_new(self.deployment, self.all, new))

    def _shrink_old(self, new: ReplicaSet) -> None:
        """Take from the old sets what may be missed: first what is unavailable anyway."""
        if model.total(self.old) == 0:
            return
        needed = self.deployment.replicas - self.deployment.unavailable
        spare = model.total(self.all) - needed - (new.replicas - new.available)
        if spare <= 0:
            return
        self._drop_unhealthy(spare)
        self._drop_available(needed)

    def _drop_unhealthy(self, spare: int) -> None:
        for one in model.active(self.old):
            lost = min(spare, max(one.replicas - one.available, 0))
            if lost:
                self.resize(one, one.replicas - lost)
                spare -= lost

    def _drop_available(self, needed: int) -> None:
        surplus = sum(one.available for one in self.all) - needed
        for one in model.active(self.old):
            if surplus <= 0:
                return
            lost = min(one.replicas, surplus)
            self.resize(one, one.replicas - lost)
            surplus -= lost

    # --- recreating

    def recreate(self) -> None:
        self.refresh()
        shrunk = [self.resize(one, 0) for one in model.active(self.old)]
        if any(shrunk) or self._old_pods_run():
            return
        self.resize(self.ensure_new(), self.deployment.replicas)

    def _old_pods_run(self) -> bool:
        """Including pods on their way out: two templates never run side by side."""
        return any(one.running > 0 or one.meta.uid in self.with_pods for one in self.old)

    # --- scaling what exists

    def scale(self) -> None:
        only = self._only_set()
        if only is not None:
            self.resize(only, self.deployment.replicas)
        elif self._saturated():
            for one in model.active(self.old):
                self.resize(one, 0)
        elif self.deployment.rolling:
            self._scale_in_proportion()

    def _only_set(self) -> ReplicaSet | None:
        """The one ReplicaSet to scale when at most one is active."""
        live = model.active(self.all)
        if len(live) > 1:
            return None
        if live:
            return live[0]
        return self.new or max(self.old, key=lambda one: one.age_key, default=None)

    def _saturated(self) -> bool:
        new, wanted = self.new, self.deployment.replicas
        return (
            new is not None
            and new.replicas == wanted
            and new.annotations.get(model.DESIRED_REPLICAS) == str(wanted)
            and new.available == wanted
        )

    def _scale_in_proportion(self) -> None:
        """Spread a change of size over the active sets by their sizes; the rest to the largest."""
        deployment = self.deployment
        live = model.active(self.all)
        allowed = deployment.max_replicas if deployment.replicas > 0 else 0
        change = allowed - model.total(live)
        live.sort(key=lambda one: one.age_key, reverse=change > 0)
        live.sort(key=lambda one: -one.replicas)
        sizes, given = {}, 0
        for one in live:
            share = self._share(one, change, given) if change else 0
            sizes[one.meta.name] = one.replicas + share
            given += share
        if live and change:
            sizes[live[0].meta.name] = max(sizes[live[0].meta.name] + change - given, 0)
        for one in live:
            self.resize(one, sizes[one.meta.name])

    def _share(self, one: ReplicaSet, change: int, given: int) -> int:
        left = change - given
        if left == 0 or one.replicas == 0:
            return 0
        fraction = self._fraction(one)
        return min(fraction, left) if change > 0 else max(fraction, left)

    def _fraction(self, one: ReplicaSet) -> int:
        """By how much this set must change to keep its part of the whole."""
        if self.deployment.replicas == 0:
            return -one.replicas
        before = _integer(one.annotations.get(model.MAX_REPLICAS))
        before = before or int(self.deployment.status.get("replicas") or 0)
        if before == 0:
            return 0
        # Rounded half up, in integers.
        return (2 * one.replicas * self.deployment.max_replicas + before) // (
            2 * before
        ) - one.replicas

    # --- history

    def clean_up(self) -> None:
        """Delete the oldest empty ReplicaSets beyond the history limit."""
        kept = [one for one in self.old if not one.meta.deleting]
        excess = len(kept) - self.deployment.history_limit
        kept.sort(key=lambda one: (one.revision, *one.age_key))
        for one in kept[: max(excess, 0)]:
            if one.running == 0 and one.replicas == 0 and one.meta.generation <= one.observed:
                self.actions.append(model.DeleteSet(one.meta))
                self.old.remove(one)


def _with_revision(history: str | None, revision: str) -> str:
    """The list of past revisions with one more, the oldest dropped where there is no room."""
    revisions = [*history.split(","), revision] if history else [revision]
    while len(revisions) > 1 and len(",".join(revisions)) > HISTORY_CHARACTERS:
        revisions.pop(0)
    return ",".join(revisions)


def _joined(first: JsonObject, second: JsonObject) -> JsonObject:
    """Two merge patches as one, the second on top."""
    out = dict(first)
    for key, value in second.items():
        mine = out.get(key)
        out[key] = _joined(mine, value) if isinstance(mine, dict) else value
    return out


def _integer(text: str | None) -> int:
    try:
        return int(text) if text else 0
    except ValueError:
        return 0
