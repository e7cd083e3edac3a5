"""`/v2/groups`: trees of apps, their versions.

Neighbours: `commands` changes them, the pure `groups` says what that means.
"""

from collections.abc import Mapping

from aiohttp import web

from frameworks.marathon import deployment, paths, podspec, views
from frameworks.marathon import groups as trees
from frameworks.marathon.base import JsonObject
from frameworks.marathon.errors import Invalid, NotFound
from frameworks.marathon.http import context
from frameworks.marathon.spec import App

routes = web.RouteTableDef()

ID = "/v2/groups/{id:.+}"
ROOT = ("/v2/groups", "/v2/groups/")


def _tree(
    group_id: str,
    apps: Mapping[str, App],
    folders: Mapping[str, tuple[str, ...]],
    version: str,
) -> JsonObject:
    pods = {app_id: podspec.definition(app) for app_id, app in apps.items() if app.pod is not None}
    node = trees.tree(group_id, apps, folders, pods)
    return node.wire(version, lambda app_id: pods.get(app_id) or views.bare(apps[app_id]))


def _current(request: web.Request, group_id: str) -> JsonObject:
    state = context.of(request).engine.state
    if not context.of(request).commands.group_exists(group_id):
        raise NotFound(f"Group '{group_id}' does not exist")
    folders = {one.id: one.dependencies for one in state.groups.values()}
    version = state.groups[group_id].version if group_id in state.groups else state.version
    return _tree(group_id, state.apps, folders, version)


def _versions(request: web.Request, group_id: str) -> list[str]:
    if not context.of(request).commands.group_exists(group_id):
        raise NotFound(f"Group '{group_id}' does not exist")
    return context.of(request).engine.state.history.versions(group_id)


def _at(request: web.Request, group_id: str) -> JsonObject:
    version = request.match_info["version"]
    if version not in _versions(request, group_id):
        raise NotFound(f"Group '{group_id}' does not have the version '{version}'")
    apps, bodies = context.of(request).engine.state.history.at(group_id, version)
    folders = {one: tuple(body["dependencies"]) for one, body in bodies.items()}
    return _tree(group_id, apps, folders, version)


@routes.get(ROOT[0])
@routes.get(ROOT[1])
async def get_root(request: web.Request) -> web.Response:
    return context.answer(_current(request, paths.ROOT))


@routes.get("/v2/groups/versions")
async def root_versions(request: web.Request) -> web.Response:
    return context.answer(_versions(request, paths.ROOT))


@routes.get("/v2/groups/versions/{version}")
async def root_version(request: web.Request) -> web.Response:
    return context.answer(_at(request, paths.ROOT))


@routes.get(f"{ID}/versions")
async def versions(request: web.Request) -> web.Response:
    return context.answer(_versions(request, context.path_id(request)))


@routes.get(f"{ID}/versions/{{version}}")
async def version(request: web.Request) -> web.Response:
    return context.answer(_at(request, context.path_id(request)))


@routes.get(ID)
async def get(request: web.Request) -> web.Response:
    return context.answer(_current(request, context.path_id(request)))


async def _body(request: web.Request) -> JsonObject:
    body = await context.body(request)
    if not isinstance(body, dict):
        raise Invalid({"/": ["a group must be an object"]})
    return body


def _named(body: Mapping[str, object], base: str) -> str:
    """The group that a body names, from inside of `base`; `base` itself if none."""
    named = body.get("id")
    return paths.absolute(named, base) if isinstance(named, str) else base


@routes.post(ROOT[0])
@routes.post(ROOT[1])
@routes.post(ID)
async def create(request: web.Request) -> web.Response:
    body = await _body(request)
    base = context.path_id(request) if "id" in request.match_info else paths.ROOT
    made = context.of(request).commands.create_group(_named(body, base), body)
    return await context.deployed(request, made, 201)


@routes.put(f"{ID}/versions/{{version}}")
async def roll_back(request: web.Request) -> web.Response:
    """Some clients ask so for an older version; a body with `version` says the same."""
    body = {"version": request.match_info["version"]}
    return await _put(request, context.path_id(request), body)


@routes.put(ROOT[0])
@routes.put(ROOT[1])
async def put_root(request: web.Request) -> web.Response:
    body = await _body(request)
    return await _put(request, _named(body, paths.ROOT), body)


@routes.put(ID)
async def put(request: web.Request) -> web.Response:
    group_id, body = context.path_id(request), await _body(request)
    if _named(body, paths.parent(group_id)) not in (group_id, paths.parent(group_id)):
        raise Invalid({"/id": [f"must be {group_id}: groups can't be renamed"]})
    return await _put(request, group_id, body)


async def _put(request: web.Request, group_id: str, body: JsonObject) -> web.Response:
    commands = context.of(request).commands
    fresh = not commands.group_exists(group_id)
    if context.flag(request, "dryRun"):
        plan = commands.plan(commands.group_changes(group_id, body))
        return context.answer({"steps": [_step(one) for one in plan.steps]})
    made = commands.put_group(group_id, body, force=context.flag(request, "force"))
    return await context.deployed(request, made, 201 if fresh else 200)


def _step(step: deployment.Step) -> JsonObject:
    return {"actions": [action.wire() for action in step]}


@routes.delete(ROOT[0])
@routes.delete(ROOT[1])
@routes.delete(ID)
async def delete(request: web.Request) -> web.Response:
    group_id = context.path_id(request) if "id" in request.match_info else paths.ROOT
    force = context.flag(request, "force")
    made = context.of(request).commands.delete_group(group_id, force=force)
    return await context.deployed(request, made)
