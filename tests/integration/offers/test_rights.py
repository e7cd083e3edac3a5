"""Principals under RBAC: what each may, in whose name its tasks run, and what it sees."""

import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from apimachinery import scheme, wire
from apimachinery.client.rest import Client
from apimachinery.client.transport import DirectTransport
from apiserver.access.authz import ClusterAuthorizer
from apiserver.attributes import Attributes, Decision
from apiserver.upkeep import rbac_defaults
from offers.http.credentials import Credentials
from tests.fakes.mesos import Json, RawFramework, scalar, task
from tests.integration.offers.conftest import Pool

SCHEDULER = wire.UserInfo("system:kube-scheduler", groups=("system:authenticated",))
OFFERS = "offers.bireme.dev"


class Witness(ClusterAuthorizer):
    """RBAC that remembers who asked to make pods, and what the master was refused."""

    def __init__(self, cache: Any) -> None:
        super().__init__(cache)
        self.makers: list[str] = []
        self.questions = 0
        """Requests that ask what somebody may."""
        self.refused: list[Attributes] = []

    def authorize(self, asked: Attributes) -> Decision:
        decision = super().authorize(asked)
        if (asked.verb, asked.resource, asked.path[:8]) == ("create", "pods", "/api/v1/"):
            self.makers.append(asked.user.name)
        self.questions += asked.resource.endswith("reviews")
        if asked.user.name == SCHEDULER.name and not decision.allowed:
            self.refused.append(asked)
        return decision


class Ruled:
    """A pool in which everybody needs credentials and every right is granted by somebody."""

    def __init__(self, pool: Pool, witness: Witness) -> None:
        self.pool, self.witness = pool, witness
        self.bound = 0

    async def grant(self, who: str, *rules: tuple[str, str, str], namespace: str = "") -> None:
        """Rules are (verbs, resources, names); with a namespace they are of its pods."""
        self.bound += 1
        made = [
            {
                "apiGroups": ["" if namespace else OFFERS],
                "verbs": verbs.split(),
                "resources": resources.split(),
                **({"resourceNames": names.split()} if names else {}),
            }
            for verbs, resources, names in rules
        ]
        role, binding = (
            (scheme.RBAC_ROLES, scheme.ROLEBINDINGS)
            if namespace
            else (scheme.CLUSTERROLES, scheme.CLUSTERROLEBINDINGS)
        )
        name = {"name": f"granted-{self.bound}"}
        await self.pool.client.create(role, {"metadata": name, "rules": made}, namespace)
        bound = {
            "metadata": name,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": role.kind, **name},
            "subjects": [_user(who)],
        }
        await self.pool.client.create(binding, bound, namespace)
        await self.until_granted(who, *rules[0], namespace)

    async def until_granted(
        self, who: str, verbs: str, resources: str, names: str, namespace: str
    ) -> None:
        """Whoever authorizes follows the bindings a moment later."""
        asked = Attributes(
            wire.UserInfo(f"offers:{who}", groups=("system:authenticated",)),
            verbs.partition(" ")[0], is_resource=True, path="", group="" if namespace else OFFERS,
            resource=resources.partition(" ")[0], name=names.partition(" ")[0], namespace=namespace,
        )  # fmt: skip
        await self.pool.eventually(lambda: self.witness.authorize(asked).allowed)

    async def runs(self, who: str, *roles: str, users: str = "root") -> None:
        """What an ordinary framework needs."""
        await self.grant(who, ("use", "roles", " ".join(roles)), ("use", "taskusers", users))
        await self.grant(who, ("create get", "pods", ""), namespace="frameworks")

    def framework(self, who: str, **info: Any) -> RawFramework:
        made = RawFramework(self.pool.http, self.pool.url, name=who, **info)
        made.headers = auth(who)
        return made

    async def ask(self, who: str, kind: str, **body: Any) -> tuple[int, Json]:
        call: Json = {"type": kind, **({kind.lower(): body} if body else {})}
        url = self.pool.url.removesuffix("/scheduler")
        async with self.pool.http.post(url, json=call, headers=auth(who)) as answer:
            if answer.status == 200 and answer.content_type == "application/json":
                return 200, (await answer.json()).get(kind.lower(), {}) if not body else {}
            return answer.status, {"text": await answer.text()}

    async def get(self, who: str, path: str) -> Any:
        url = self.pool.url.removesuffix("/api/v1/scheduler") + path
        async with self.pool.http.get(url, headers=auth(who)) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


def auth(who: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{who}:{who}'.encode()).decode()}"}


def _user(who: str) -> Json:
    return {"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": f"offers:{who}"}


@pytest.fixture
async def ruled(pool: Pool, tmp_path: Path) -> AsyncIterator[Ruled]:
    await pool.stop_master()
    await rbac_defaults.ensure(pool.server.core)
    witness = Witness(pool.server.core.cache)
    pool.server.core.authorizer = witness
    await witness.start()
    pool.masters = Client(DirectTransport(pool.server.handle, SCHEDULER))
    await pool.start_master()
    file = tmp_path / "credentials"
    file.write_text("".join(f"{who} {who}\n" for who in ("toil", "batch", "op")))
    access = pool.side.server.access
    access.required, access.secrets = True, Credentials(file)
    yield Ruled(pool, witness)
    await witness.stop()
    assert not witness.refused, "the master lacks rights: see access/controller_roles.py"


async def subscribed(framework: RawFramework) -> RawFramework:
    first = await framework.subscribe()
    assert first["type"] == "SUBSCRIBED", first
    return framework


async def test_a_role_that_is_not_granted_is_an_error_event(ruled: Ruled) -> None:
    await ruled.runs("toil", "science", "eng.night")
    many = {"capabilities": [{"type": "MULTI_ROLE"}]}
    for roles in (["science"], ["science/x/y", "eng/night"]):
        await subscribed(ruled.framework("toil", roles=roles, **many))
    for roles, named in ((["*"], "*"), (["science", "eng"], "eng"), (["sciences"], "sciences")):
        first = await ruled.framework("toil", roles=roles, **many).subscribe()
        assert first["type"] == "ERROR"
        said = f"Principal 'toil' may not use roles.offers.bireme.dev {named}"
        assert first["error"]["message"] == said


async def test_a_role_that_is_not_granted_is_not_added_later(ruled: Ruled) -> None:
    await ruled.runs("toil", "science")
    framework = await subscribed(ruled.framework("toil", role="science"))
    info = {**framework.info, "role": "eng"}
    call = {"type": "UPDATE_FRAMEWORK", "framework_id": {"value": framework.id}}
    code, text = await framework.post({**call, "update_framework": {"framework_info": info}})
    assert (code, "may not use" in text) == (403, True)
    assert ruled.pool.side.frameworks.known[framework.id].roles == ("science",)


async def test_tasks_are_made_in_the_name_of_the_principal(ruled: Ruled) -> None:
    await ruled.pool.node("n1")
    await ruled.runs("toil", "science")
    framework = await subscribed(ruled.framework("toil", role="science"))
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t", "exit 0"))
    await framework.update("t", "TASK_FINISHED")
    assert ruled.witness.makers == ["offers:toil"]
    spec = (await ruled.pool.client.get(scheme.FRAMEWORKS, framework.id))["spec"]
    assert spec["account"] == "offers:toil"


async def test_a_task_whose_pod_is_forbidden_is_unauthorized(ruled: Ruled) -> None:
    await ruled.pool.node("n1")
    await ruled.grant("toil", ("use", "roles", ""), ("use", "taskusers", ""))
    framework = await subscribed(ruled.framework("toil"))
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    status = await framework.update("t", "TASK_ERROR")
    assert status["reason"] == "REASON_TASK_UNAUTHORIZED"
    assert 'User "offers:toil" cannot create resource "pods"' in status["message"]
    (again,) = await framework.offers()
    assert again["resources"][0]["scalar"]["value"] == 4.0


async def test_a_quota_of_the_namespace_drops_the_task(ruled: Ruled) -> None:
    await ruled.pool.node("n1")
    await ruled.runs("toil", "science")
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    await ruled.pool.client.create(scheme.RESOURCEQUOTAS, quota, "frameworks")
    framework = await subscribed(ruled.framework("toil", role="science"))
    (offer,) = await framework.offers()
    await framework.launch(offer, task(offer, "t"))
    status = await framework.update("t", "TASK_LOST")
    assert "exceeded quota: q" in status["message"]


async def test_whom_tasks_run_as_is_granted(ruled: Ruled) -> None:
    await ruled.pool.node("n1")
    await ruled.runs("toil", "science", users="root nobody")
    framework = await subscribed(ruled.framework("toil", role="science"))
    (offer,) = await framework.offers()
    as_user = {name: task(offer, name) for name in ("nobody", "daemon", "mine")}
    for name in ("nobody", "daemon"):
        as_user[name]["command"]["user"] = name
    await framework.launch(offer, *as_user.values())
    refused = await framework.update("daemon", "TASK_ERROR")
    assert refused["reason"] == "REASON_TASK_UNAUTHORIZED"
    assert refused["message"] == "Principal 'toil' may not use taskusers.offers.bireme.dev daemon"
    for name in ("nobody", "mine"):
        await framework.update(name, "TASK_RUNNING")


async def test_reserving_is_granted_by_role(ruled: Ruled) -> None:
    await ruled.pool.node("n1")
    await ruled.runs("toil", "science")
    await ruled.grant("toil", ("create", "reservations", "science"))
    framework = await subscribed(ruled.framework("toil", role="science"))
    (offer,) = await framework.offers()
    mine = {**scalar("cpus", 1), "reservations": [{"type": "DYNAMIC", "role": "science"}]}
    for kind, state in (("reserve", "OPERATION_FINISHED"), ("unreserve", "OPERATION_ERROR")):
        operation = {"type": kind.upper(), "id": {"value": kind}, kind: {"resources": [mine]}}
        await framework.call("ACCEPT", offer_ids=[offer["id"]], operations=[operation])
        event = await framework.next("UPDATE_OPERATION_STATUS")
        status = event["update_operation_status"]["status"]
        assert status["state"] == state, status
        (offer,) = await framework.offers()
    assert status["message"] == (
        "Principal 'toil' may not delete reservations.offers.bireme.dev science"
    )
    body = {"agent_id": {"value": "n1"}, "resources": [mine]}
    assert (await ruled.ask("toil", "UNRESERVE_RESOURCES", **body))[0] == 403
    assert (await ruled.ask("op", "RESERVE_RESOURCES", **body))[0] == 403


async def test_operators_set_what_they_may(ruled: Ruled) -> None:
    await ruled.grant("op", ("update", "roles", "eng"), ("update", "maintenance", ""))
    weight = {"role": "eng/night", "weight": 2.0}
    assert (await ruled.ask("op", "UPDATE_WEIGHTS", weight_infos=[weight]))[0] == 200
    other = {"role": "science", "weight": 2.0}
    code, answer = await ruled.ask("op", "UPDATE_WEIGHTS", weight_infos=[weight, other])
    assert (code, answer["text"]) == (
        403, "Principal 'op' may not update roles.offers.bireme.dev science",
    )  # fmt: skip
    assert (await ruled.ask("op", "UPDATE_WEIGHTS", weight_infos=[]))[0] == 403
    quota = {"role": "science", "limits": {"cpus": {"value": 1}}}
    assert (await ruled.ask("op", "UPDATE_QUOTA", quota_configs=[quota]))[0] == 403
    plan = {"schedule": {"windows": []}}
    assert (await ruled.ask("op", "UPDATE_MAINTENANCE_SCHEDULE", **plan))[0] == 200
    assert (await ruled.ask("toil", "UPDATE_MAINTENANCE_SCHEDULE", **plan))[0] == 403
    assert (await ruled.ask("toil", "GET_MAINTENANCE_SCHEDULE"))[0] == 403


async def test_one_sees_one_s_own_and_what_is_granted(ruled: Ruled) -> None:
    await ruled.pool.node("n1")
    for who, role in (("toil", "science"), ("batch", "eng")):
        await ruled.runs(who, role)
    await ruled.grant("op", ("get list watch", "frameworks tasks roles", ""))
    await ruled.grant("toil", ("get", "roles", "science"))
    made = {}
    for who, role in (("toil", "science"), ("batch", "eng")):
        made[who] = await subscribed(ruled.framework(who, role=role))
        (offer,) = await made[who].offers()
        await made[who].launch(offer, task(offer, f"of-{who}"), filters={"refuse_seconds": 1000})
        await made[who].update(f"of-{who}", "TASK_RUNNING")
    for who, sees in (("toil", {"toil"}), ("batch", {"batch"}), ("op", {"toil", "batch"})):
        state = await ruled.get(who, "/state")
        assert {one["name"] for one in state["frameworks"]} == sees
        tasks = {one["id"] for one in (await ruled.get(who, "/tasks"))["tasks"]}
        assert tasks == {f"of-{one}" for one in sees}
        _, found = await ruled.ask(who, "GET_STATE")
        frameworks = found["get_frameworks"]["frameworks"]
        assert {one["framework_info"]["name"] for one in frameworks} == sees
        assert {one["name"] for one in found["get_tasks"]["tasks"]} == tasks
    roles = {"toil": {"science"}, "batch": set(), "op": {"science", "eng"}}
    for who, names in roles.items():
        assert {one["name"] for one in (await ruled.get(who, "/roles"))["roles"]} == names
    assert (await ruled.ask("toil", "SUBSCRIBE"))[0] == 403


async def test_what_one_sees_costs_the_same_with_many_roles_and_frameworks(ruled: Ruled) -> None:
    """RBAC is asked once for the rules, and once for the namespace of the tasks."""
    await ruled.grant("toil", ("get", "roles", "r7"), ("get", "tasks", "some"))
    info = {"name": "x", "user": "root"}
    for number in range(300):
        framework = await ruled.pool.side.frameworks.subscribe(
            {**info, "role": f"r{number}"}, (), "", Deaf(str(number))
        )
        ruled.pool.side.frameworks.activate(framework)
    before = ruled.witness.questions
    state = await ruled.get("toil", "/state")
    assert state["frameworks"] == []
    assert [one["name"] for one in (await ruled.get("toil", "/roles"))["roles"]] == ["r7"]
    assert ruled.witness.questions - before <= 4


class Deaf:
    """A stream that nobody reads."""

    def __init__(self, name: str) -> None:
        self.id = name

    def send(self, event: Json) -> None:
        del event

    def fail(self, message: str) -> None:
        del message

    def end(self) -> None:
        return


async def test_only_the_granted_tear_down(ruled: Ruled) -> None:
    await ruled.runs("toil", "science")
    framework = await subscribed(ruled.framework("toil", role="science"))
    body = {"framework_id": {"value": framework.id}}
    assert (await ruled.ask("batch", "TEARDOWN", **body))[0] == 403
    await ruled.grant("op", ("delete", "frameworks", framework.id))
    assert (await ruled.ask("op", "TEARDOWN", **body))[0] == 200


async def test_a_namespace_of_one_s_own_must_be_granted_or_there(ruled: Ruled) -> None:
    await ruled.runs("toil", "science")

    def inside(name: str) -> dict[str, Any]:
        label = {"key": "offers.bireme.dev/namespace", "value": name}
        return {"role": "science", "labels": {"labels": [label]}}

    first = await ruled.framework("toil", **inside("lab")).subscribe()
    assert first["type"] == "ERROR"
    assert 'cannot create resource "namespaces"' in first["error"]["message"]
    await ruled.pool.client.create(scheme.NAMESPACES, {"metadata": {"name": "lab"}})
    await subscribed(ruled.framework("toil", **inside("lab")))


async def test_what_was_proven_is_not_given_up(ruled: Ruled) -> None:
    """A framework of a proven principal is nobody's who only knows its id and its stream."""
    await ruled.runs("toil", "science")
    framework = await subscribed(ruled.framework("toil", role="science"))
    ruled.pool.side.server.access.required = False
    thief = RawFramework(ruled.pool.http, ruled.pool.url, **framework.info)
    thief.id, thief.stream_id = framework.id, framework.stream_id
    assert await thief.call("TEARDOWN") == 400
    first = await thief.subscribe()
    assert first["error"]["message"] == "Changing framework's principal is not allowed"
    assert await framework.call("REVIVE") == 202
