"""What requests do to the state: each change becomes a deployment.

All is decided and applied in one go, without awaiting: nobody sees half of it. Neighbours: the
HTTP handlers call it and wait for the journal; `update`, `groups` and `deployment` say what
changes; `engine` carries deployments out.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from frameworks.marathon import deployment, groups, history, paths, podspec, times, update
from frameworks.marathon.deployment import Deployment
from frameworks.marathon.engine import Engine
from frameworks.marathon.errors import Exists, Invalid, Locked, NotFound
from frameworks.marathon.groups import Changes
from frameworks.marathon.instance import Instance
from frameworks.marathon.spec import App
from frameworks.marathon.state import Group


@dataclass(frozen=True, slots=True)
class Plan:
    """What a change comes to, before it is made."""

    version: str
    original: Mapping[str, App]
    target: Mapping[str, App]
    steps: tuple[deployment.Step, ...]


class Commands:
    """The changes that there are."""

    def __init__(self, engine: Engine, unique: Callable[[], str]) -> None:
        self._engine, self._state, self._unique = engine, engine.state, unique

    # --- apps

    def create(self, body: object) -> Deployment:
        app = update.create(body)
        if app.id in self._state.apps:
            raise Exists(f"An app with id [{app.id}] already exists.")
        return self._deploy(Changes({app.id: app}))

    def put(self, app_id: str, body: object, *, force: bool, partial: bool) -> Deployment:
        """Change an app, bring an older version back, or make it if there is none."""
        return self._deploy(Changes({app_id: self._changed(app_id, body, partial)}), force=force)

    def put_all(self, bodies: object, *, force: bool, partial: bool) -> Deployment:
        """Several at once, in one deployment."""
        if not isinstance(bodies, list):
            raise Invalid({"/": ["must be a list of apps"]})
        made = Changes()
        for body in bodies:
            named = body.get("id") if isinstance(body, dict) else None
            if not isinstance(named, str):
                raise Invalid({"/id": ["must be a string"]})
            app_id = paths.absolute(named)
            made.apps[app_id] = self._changed(app_id, body, partial)
        return self._deploy(made, force=force)

    def _changed(self, app_id: str, body: object, partial: bool) -> App:
        old = self._state.apps.get(app_id)
        if old is not None and old.pod is not None:
            raise Invalid({"/id": [f"{app_id} is a pod"]})
        if (
            isinstance(body, dict)
            and body.get("version") is not None
            and body.keys() <= {"id", "version"}
        ):
            return self._older(app_id, str(body["version"]))
        if old is None:
            return update.create(body, path=app_id)
        return update.change(old, body, partial=partial)

    def _older(self, app_id: str, version: str) -> App:
        self._state.app(app_id)
        found = self._state.history.apps(app_id).get(version)
        if found is None:
            raise NotFound(f"App '{app_id}' does not have the version '{version}'")
        return found

    def delete(self, app_id: str, *, force: bool) -> Deployment:
        self._state.app(app_id)
        return self._deploy(Changes({app_id: None}), force=force)

    def restart(self, app_id: str, *, force: bool) -> Deployment:
        app = update.change(self._state.app(app_id), {})
        return self._deploy(Changes({app_id: app}), force=force, fresh=True)

    # --- pods

    def create_pod(self, body: object) -> Deployment:
        pod = podspec.create(body)
        if pod.id in self._state.apps:
            raise Exists(f"A pod or app with id [{pod.id}] already exists.")
        return self._deploy(Changes({pod.id: pod}))

    def put_pod(self, pod_id: str, body: object, *, force: bool) -> Deployment:
        """A pod as its body says; what that leaves out is as if it had never been."""
        pod = podspec.create(body, path=pod_id)
        return self._deploy(Changes({pod_id: pod}), force=force)

    def delete_pod(self, pod_id: str, *, force: bool) -> Deployment:
        return self._deploy(Changes({pod_id: None}), force=force)

    # --- tasks

    def kill(self, tasks: Iterable[Instance], *, wipe: bool = False) -> list[Instance]:
        """Have these end; others take their place. `wipe` forgets at once those out of sight."""
        going = self._engine.kill(tasks)
        for one in going if wipe else ():
            if one.unreachable_at is not None:
                self._engine.ended(one.task_id)
        return going

    def kill_and_scale(self, tasks: Iterable[Instance], *, force: bool) -> Deployment:
        """Have these end, and have as many fewer."""
        going = [one for one in tasks if not one.leaving]
        made = Changes()
        for app_id in {one.app_id for one in going} & self._state.apps.keys():
            app = self._state.apps[app_id]
            left = max(0, app.instances - sum(one.app_id == app_id for one in going))
            made.apps[app_id] = update.resized(app, left)
        found = self._deploy(made, force=force)
        self._engine.kill(going)
        return found

    # --- groups

    def _dependencies(self) -> dict[str, tuple[str, ...]]:
        return {one.id: one.dependencies for one in self._state.groups.values()}

    def group_exists(self, group_id: str) -> bool:
        return group_id == paths.ROOT or group_id in self._state.groups

    def create_group(self, group_id: str, body: object) -> Deployment:
        if self.group_exists(group_id):
            raise Exists(f"Group {group_id} is already created. Use PUT to change this group.")
        if group_id in self._state.apps:
            raise Exists(f"An app with id [{group_id}] already exists.")
        made = groups.put(group_id, body, self._state.apps, self._dependencies())
        return self._deploy(made, group=group_id)

    def put_group(self, group_id: str, body: object, *, force: bool) -> Deployment:
        return self._deploy(self.group_changes(group_id, body), force=force, group=group_id)

    def group_changes(self, group_id: str, body: object) -> Changes:
        """What a group's body asks for: another number, an older version, or a whole new group."""
        state = self._state
        said = body if isinstance(body, dict) else {}
        if said.get("scaleBy") is not None:
            self._known(group_id)
            return groups.scaled(group_id, said["scaleBy"], state.apps)
        if said.get("version") is not None and said.keys() <= {"id", "version"}:
            return self._group_at(group_id, str(said["version"]))
        return groups.put(group_id, body, state.apps, self._dependencies())

    def _known(self, group_id: str) -> None:
        if not self.group_exists(group_id):
            raise NotFound(f"Group '{group_id}' does not exist")

    def _group_at(self, group_id: str, version: str) -> Changes:
        self._known(group_id)
        state = self._state
        if version not in state.history.versions(group_id):
            raise NotFound(f"Group '{group_id}' does not have the version '{version}'")
        apps, bodies = state.history.at(group_id, version)
        made = groups.removed(group_id, state.apps, self._dependencies())
        made.apps.update(apps)
        made.groups.update({one: tuple(body["dependencies"]) for one, body in bodies.items()})
        return made

    def delete_group(self, group_id: str, *, force: bool) -> Deployment:
        self._known(group_id)
        made = groups.removed(group_id, self._state.apps, self._dependencies())
        return self._deploy(made, force=force, group=group_id)

    # --- deployments

    def cancel(self, deployment_id: str, *, force: bool) -> Deployment | None:
        """Break a deployment off; unless forced, a new one leads back to what was."""
        found = self._state.deployments.get(deployment_id)
        if found is None:
            raise NotFound(f"Deployment '{deployment_id}' does not exist")
        if force:
            self._engine.finish(found, success=False)
            self._engine.poke()
            return None
        changes = Changes({one: found.original.get(one) for one in found.affected})
        return self._deploy(changes, force=True)

    def plan(self, changes: Changes, *, fresh: bool = False) -> Plan:
        """What changes come to. Invalid where dependencies form a ring or ids clash."""
        state = self._state
        version = times.later(self._engine.now(), state.version)
        whole = dict(state.apps)
        for one, app in changes.apps.items():
            whole.pop(one, None)
            if app is not None:
                taken = {port for other in whole.values() for port in other.service_ports}
                old = state.apps.get(one)
                dealt = update.with_service_ports(app, old, taken)
                whole[one] = update.stamped(dealt, None if fresh else old, version)
        folders = self._dependencies()
        folders.update({k: v for k, v in changes.groups.items() if v is not None})
        for one in changes.groups:
            if changes.groups[one] is None:
                folders.pop(one, None)
        _no_clash(whole, folders, changes)
        order = deployment.levels(whole, deployment.needs(whole, folders))
        ids = changes.apps.keys()
        original = {one: state.apps[one] for one in ids if one in state.apps}
        target = {one: whole[one] for one in ids if one in whole}
        stale = {
            app.id
            for app in target.values()
            for i in state.instances.of(app.id)
            if i.config != app.config
        }
        return Plan(version, original, target, deployment.steps(original, target, order, stale))

    def _deploy(
        self, changes: Changes, *, force: bool = False, fresh: bool = False, group: str = ""
    ) -> Deployment:
        plan = self.plan(changes, fresh=fresh)
        busy = self._state.at_work(set(changes.apps))
        if busy and not force:
            raise Locked(one.id for one in busy)
        for one in busy:
            self._engine.finish(one, success=False)
        self._record(plan, changes)
        made = Deployment(self._unique(), plan.version, plan.original, plan.target, plan.steps)
        self._state.deployments[made.id] = made
        for changed in [group] if group else sorted({paths.parent(one) for one in changes.apps}):
            self._engine.bus.publish("group_change_success", groupId=changed, version=plan.version)
        self._engine.began(made)
        return made

    def _record(self, plan: Plan, changes: Changes) -> None:
        """The state as it shall be, and its versions."""
        state, version = self._state, plan.version
        for one in changes.apps:
            app = plan.target.get(one)
            if app is not None:
                state.apps[one] = app
                state.history.add(history.Past(one, version, app.wire()))
            elif one in state.apps:
                del state.apps[one]
                state.failures.pop(one, None)
                state.history.add(history.Past(one, version, None))
        touched = dict(changes.groups)
        for one in (*plan.target, *changes.groups):
            for above in paths.ancestors(one):
                old = state.groups.get(above)
                touched.setdefault(above, () if old is None else old.dependencies)
        touched.setdefault(paths.ROOT, ())
        for one, dependencies in touched.items():
            if dependencies is None:
                state.groups.pop(one, None)
                state.history.add(history.Past(one, version, None, group=True))
                continue
            made = Group(one, version, dependencies)
            if one not in state.groups or state.groups[one].dependencies != dependencies:
                state.history.add(history.Past(one, version, made.wire(), group=True))
            state.groups[one] = made


def _no_clash(apps: Mapping[str, App], folders: Mapping[str, object], changes: Changes) -> None:
    for one in changes.apps.keys() | changes.groups.keys():
        inside = one in apps and any(paths.under(other, one) for other in apps)
        if one in apps and (one in folders or inside):
            raise Invalid(
                {"/id": [f"{one}: Groups and Applications may not have the same identifier."]}
            )
        if any(above in apps for above in paths.ancestors(one)):
            raise Invalid({"/id": [f"{one} can't be inside of an app"]})
