"""Bodies that nobody would send: each is answered with a code of ours, and the API lives on."""

import contextlib
import json
import string
from typing import Any

import aiohttp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from yarl import URL

from frameworks.marathon import groups, paths, podlaunch, podspec, ports, update
from frameworks.marathon.errors import BadRequest, Invalid
from frameworks.marathon.matching import Placement
from frameworks.marathon.podspec import Pod, PodContainer
from frameworks.marathon.spec import App
from tests.effort import examples
from tests.integration.marathon.conftest import Marathon

FIELDS = [field.alias or name for name, field in App.model_fields.items()]
NESTED = (
    "type", "docker", "image", "network", "portMappings", "volumes", "mode", "port", "protocol",
    "portIndex", "command", "value", "uri", "containerPath", "hostPort", "minimumHealthCapacity",
    "apps", "groups", "id", "ports", "uris", "secrets", "env", "portName",
)  # fmt: skip
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False),
    st.text(max_size=5), st.sampled_from(("/", "..", "/a/b", "DOCKER", "HTTP", "rack", "UNIQUE")),
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(NESTED) | st.text(string.ascii_lowercase, max_size=3), inner, max_size=4),
    ),
    max_leaves=8,
)  # fmt: skip
BODIES = st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=6)


@given(BODIES)
@settings(max_examples=examples(400))
def test_an_app_is_whole_or_refused(body: dict[str, Any]) -> None:
    """And a whole one says of itself what makes it again."""
    try:
        made = update.create({"id": "/web", "cmd": "true", **body})
    except (BadRequest, Invalid):
        return
    assert App.read(json.loads(json.dumps(made.wire()))) == made
    assert update.change(made, made.wire()) == made


def test_an_app_is_no_pod_whatever_it_says() -> None:
    assert update.create({"id": "/web", "cmd": "true", "pod": {"containers": []}}).pod is None


POD_FIELDS = [field.alias or name for name, field in Pod.model_fields.items()]
CONTAINER_FIELDS = [field.alias or name for name, field in PodContainer.model_fields.items()]
CONTAINERS = st.dictionaries(
    st.sampled_from(CONTAINER_FIELDS),
    st.one_of(
        VALUES,
        st.just([{"name": "http", "hostPort": 0, "containerPort": 80}]),
        st.just({"http": {"endpoint": "http"}}),
        st.just([{"name": "v", "mountPath": "/v"}]),
        st.just({"id": "busybox"}),
    ),
    max_size=4,
)
GIVEN: dict[str, Any] = {"name": "c", "exec": {"command": {"argv": ["true"]}}}


@given(
    st.dictionaries(
        st.sampled_from(POD_FIELDS),
        st.one_of(VALUES, st.just([{"mode": "container/bridge"}]), st.just([{"name": "v"}])),
        max_size=4,
    ),
    CONTAINERS,
)
@settings(max_examples=examples(400))
def test_a_pod_is_whole_or_refused(body: dict[str, Any], container: dict[str, Any]) -> None:
    """And a whole one is kept, shown and launched."""
    said = {"id": "/duo", "containers": [{**GIVEN, **container}], **body}
    try:
        made = podspec.create(said)
    except (BadRequest, Invalid):
        return
    assert App.read(json.loads(json.dumps(made.wire()))) == made
    again = podspec.create(podspec.definition(made))
    assert (again.pod, again.instances) == (made.pod, made.instances)
    dealt = ports.deal(made, ((1, 65535),), salt="x")
    if dealt is not None:
        group = podlaunch.group(Placement(made, "duo.instance-1", dealt, {}), "host")
        assert len(group.tasks) == len(podspec.of(made).containers)
        json.dumps([group.more, *(task.more for task in group.tasks)])


@given(VALUES)
def test_a_group_is_whole_or_refused(body: Any) -> None:
    with contextlib.suppress(BadRequest, Invalid):
        groups.put("/g", body, {}, {})


@given(st.text(st.sampled_from("ab./-"), max_size=12), st.sampled_from(("/", "/a/b")))
def test_ids_are_absolute_and_never_above_the_root(raw: str, base: str) -> None:
    found = paths.absolute(raw, base)
    assert found.startswith("/")
    assert not {"..", "."} & set(found.split("/"))
    assert "//" not in found


PATHS = (
    "/v2/apps/%2e%2e/%2e%2e", "/v2/apps//", "/v2/apps/a%00b", "/v2/apps/" + "a" * 4000,
    "/v2/groups/..", "/v2/queue//delay", "/v2/apps/web/tasks/..", "/v2/apps/%ff",
    "/v2/deployments/%2f", "/v2/events?event_type=" + "x" * 2000,
)  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["DELETE", "PUT", "POST", "TRACE"])
async def test_odd_addresses(marathon: Marathon, method: str, path: str) -> None:
    url = URL(marathon.url + path, encoded=True)
    try:
        async with marathon.pool.http.request(method, url, json={}) as answer:
            assert 200 <= answer.status < 500
    except aiohttp.ClientError:
        pytest.fail("the connection was dropped")
    assert await marathon.ask("GET", "/ping") == (200, "pong")
