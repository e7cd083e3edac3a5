"""Server-side apply: who owns what, who may change what, what goes when nobody wants it."""

import copy
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import scheme, status
from apimachinery.patch import apply as ssa
from apimachinery.patch import fieldsets, managed

SCHEME = scheme.builtin()
DEPLOYMENT = SCHEME.model_of("apps", "v1", "Deployment")
T0 = 1_795_500_000.0


def writer(manager: str = "me", at: float = 0, **more: Any) -> ssa.Writer:
    return ssa.Writer(manager, "apps/v1", T0 + at, **more)


def deployment(replicas: int | None = 3, containers: str = "a", **labels: str) -> dict[str, Any]:
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": "x"}},
        "template": {"spec": {"containers": [{"name": n, "image": "1"} for n in containers]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    metadata: dict[str, Any] = {"name": "d"}
    if labels:
        metadata["labels"] = labels
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def apply(live: Any, config: Any, by: ssa.Writer | None = None, *, force: bool = False) -> Any:
    return ssa.apply(live, config, DEPLOYMENT, by or writer(), force=force)


def update(live: Any, by: ssa.Writer, change: Any) -> Any:
    """The object after a plain write: `change` edits a copy."""
    new = copy.deepcopy(live)
    change(new)
    new["metadata"]["managedFields"] = ssa.track_update(live, new, DEPLOYMENT, by)
    return new


def scaled(replicas: int) -> Any:
    return lambda obj: obj["spec"].update(replicas=replicas)


def owners(obj: Any) -> dict[str, list[str]]:
    entries = obj["metadata"].get("managedFields", [])
    return {one["manager"]: list(fieldsets.paths(one["fieldsV1"])) for one in entries}


def names(obj: Any) -> list[str]:
    return [one["name"] for one in obj["spec"]["template"]["spec"]["containers"]]


# --- ownership -----------------------------------------------------------------------------------


def test_an_applier_owns_what_it_sends_and_not_what_identifies_the_object() -> None:
    made = apply(None, deployment(app="x"))
    container = '.spec.template.spec.containers[name="a"]'
    assert owners(made)["me"] == [
        ".metadata.labels.app",
        ".spec.replicas",
        ".spec.selector",
        container,
        f"{container}.image",
        f"{container}.name",
    ]


def test_an_entry_looks_as_in_kubernetes() -> None:
    made = apply(None, {"apiVersion": "apps/v1", "kind": "D", "spec": {"replicas": 1}})
    assert made["metadata"]["managedFields"] == [
        {
            "manager": "me",
            "operation": "Apply",
            "apiVersion": "apps/v1",
            "time": "2026-11-24T06:00:00Z",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:spec": {"f:replicas": {}}},
        }
    ]


def test_key_fields_with_defaults_are_part_of_the_key() -> None:
    config = deployment()
    config["spec"]["template"]["spec"]["containers"][0]["ports"] = [{"containerPort": 80}]
    paths = owners(apply(None, config))["me"]
    assert any(path.endswith('.ports[containerPort=80,protocol="TCP"]') for path in paths)


def test_a_creator_owns_everything_it_made() -> None:
    entries = ssa.track_update(None, deployment(app="x"), DEPLOYMENT, writer("curl"))
    assert [one["operation"] for one in entries] == ["Update"]
    assert ".metadata.labels" in owners({"metadata": {"managedFields": entries}})["curl"]


def test_an_updater_takes_what_it_changes() -> None:
    made = update(apply(None, deployment()), writer("hpa", 60), scaled(5))
    assert owners(made)["hpa"] == [".spec.replicas"]
    assert ".spec.replicas" not in owners(made)["me"]


def test_an_update_that_changes_nothing_leaves_the_account_alone() -> None:
    live = apply(None, deployment())
    assert update(live, writer("other", 60), scaled(3)) == live


def test_a_field_that_is_removed_leaves_every_set() -> None:
    made = update(
        apply(None, deployment()), writer("x", 60), lambda obj: obj["spec"].pop("replicas")
    )
    assert owners(made) == {
        "me": [p for p in owners(apply(None, deployment()))["me"] if "repl" not in p]
    }


def test_a_container_that_is_removed_takes_its_fields_along() -> None:
    live = apply(None, deployment(containers="ab"))
    made = update(live, writer("x"), lambda o: o["spec"]["template"]["spec"]["containers"].pop())
    assert not [path for path in owners(made)["me"] if '"b"' in path]


def test_subresources_have_entries_of_their_own() -> None:
    live = apply(None, deployment())
    by = writer("kubelet", subresource="status")
    made = update(live, by, lambda obj: obj.update(status={"replicas": 1}))
    assert made["metadata"]["managedFields"][1]["subresource"] == "status"
    assert owners(made)["kubelet"] == [".status.replicas"]


def test_what_a_write_cannot_touch_is_not_owned() -> None:
    config = deployment() | {"status": {"replicas": 9}}
    made = apply(None, config, writer(untouched=ssa.STATUS_ONLY))
    assert not [path for path in owners(made)["me"] if path.startswith(".status")]


def test_the_time_moves_with_the_managers_own_changes_only() -> None:
    live = update(apply(None, deployment()), writer("hpa", 60), scaled(5))
    later = update(live, writer("hpa", 120), scaled(6))
    assert [one["time"] for one in later["metadata"]["managedFields"]] == [
        "2026-11-24T06:00:00Z",
        "2026-11-24T06:02:00Z",
    ]


def test_updaters_are_capped() -> None:
    live = ssa.apply(None, deployment(), DEPLOYMENT, writer())
    for number in range(30):
        label = f"l{number}"
        live = update(
            live,
            writer(f"m{number:02}", number),
            lambda obj, label=label: obj["metadata"].setdefault("labels", {}).update({label: "x"}),
        )
    entries = live["metadata"]["managedFields"]
    assert len(entries) == managed.MAX_UPDATERS + 1
    assert entries[1]["manager"] == "ancient-changes"
    assert ".metadata.labels.l0" in owners(live)["ancient-changes"]


def test_a_client_may_reset_the_account() -> None:
    live = apply(None, deployment())
    new = copy.deepcopy(live)
    new["metadata"]["managedFields"] = [{}]
    assert ssa.track_update(live, new, DEPLOYMENT, writer("x")) == []


def test_entries_of_one_manager_that_a_client_sends_become_one() -> None:
    live = apply(None, deployment())
    new = copy.deepcopy(live)
    entry = new["metadata"]["managedFields"][0]
    extra = {**entry, "fieldsV1": {"f:spec": {"f:paused": {}}}}
    new["metadata"]["managedFields"] = [entry, extra]
    entries = ssa.track_update(live, new, DEPLOYMENT, writer("x"))
    assert len(entries) == 1
    assert ".spec.paused" in owners({"metadata": {"managedFields": entries}})["me"]


def test_a_client_may_rewrite_the_account() -> None:
    live = update(apply(None, deployment()), writer("hpa"), scaled(5))
    new = copy.deepcopy(live)
    del new["metadata"]["managedFields"][1]
    entries = ssa.track_update(live, new, DEPLOYMENT, writer("x"))
    assert [one["manager"] for one in entries] == ["me"]


@pytest.mark.parametrize("sent", [[], None, [{"manager": "x"}], [{"fieldsV1": {"a": 1}}], "x"])
def test_clients_that_know_nothing_of_the_account_do_not_destroy_it(sent: Any) -> None:
    live = apply(None, deployment())
    new = copy.deepcopy(live)
    new["metadata"]["managedFields"] = sent
    entries = ssa.track_update(live, new, DEPLOYMENT, writer("x"))
    assert entries == live["metadata"]["managedFields"]


# --- conflicts -----------------------------------------------------------------------------------


def test_a_conflict_names_manager_and_field() -> None:
    live = update(apply(None, deployment()), writer("hpa", 60), scaled(5))
    with pytest.raises(status.Conflict) as caught:
        apply(live, deployment(replicas=3))
    assert caught.value.message == (
        'Apply failed with 1 conflict: conflict with "hpa" using apps/v1: .spec.replicas'
    )
    assert caught.value.causes == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "hpa" using apps/v1',
            "field": ".spec.replicas",
        }
    ]


def test_several_conflicts_are_grouped_by_manager() -> None:
    live = apply(None, deployment(replicas=1, app="x"), writer("first"))
    with pytest.raises(status.Conflict) as caught:
        apply(live, deployment(replicas=2, app="y"), writer("second"))
    assert caught.value.message == (
        'Apply failed with 2 conflicts: conflicts with "first":\n'
        "- .metadata.labels.app\n- .spec.replicas"
    )


def test_force_takes_over() -> None:
    live = update(apply(None, deployment()), writer("hpa", 60), scaled(5))
    made = apply(live, deployment(replicas=3), force=True)
    assert made["spec"]["replicas"] == 3
    assert list(owners(made)) == ["me"]


def test_the_same_value_is_owned_together() -> None:
    live = apply(None, deployment(), writer("first"))
    made = apply(live, deployment(), writer("second"))
    assert owners(made)["first"] == owners(made)["second"]


def test_a_field_that_the_applier_no_longer_sends_is_no_conflict() -> None:
    live = update(apply(None, deployment()), writer("hpa", 60), scaled(5))
    assert apply(live, deployment(replicas=None))["spec"]["replicas"] == 5


def test_kubectl_takes_over_from_its_client_side_self() -> None:
    config = deployment(replicas=1)
    text = orjson.dumps(config).decode()
    config["metadata"]["annotations"] = {ssa.LAST_APPLIED: text}
    live = copy.deepcopy(config)
    live["metadata"]["managedFields"] = ssa.track_update(
        None, live, DEPLOYMENT, writer("kubectl-client-side-apply")
    )
    with pytest.raises(status.Conflict):
        apply(live, deployment(replicas=2), writer("other"))
    made = apply(live, deployment(replicas=2), writer("kubectl"))
    assert made["spec"]["replicas"] == 2
    memory = orjson.loads(made["metadata"]["annotations"][ssa.LAST_APPLIED])
    assert memory["spec"]["replicas"] == 2


def test_objects_without_an_account_belong_to_those_before() -> None:
    with pytest.raises(status.Conflict, match="before-first-apply"):
        apply(deployment(replicas=1), deployment(replicas=2))


def test_a_conflict_names_the_subresource() -> None:
    by = writer("kubelet", subresource="status")
    live = update(apply(None, deployment()), by, lambda obj: obj.update(status={"replicas": 1}))
    with pytest.raises(status.Conflict, match='"kubelet" with subresource "status" using apps/v1'):
        apply(live, deployment() | {"status": {"replicas": 2}})


def test_kubectl_does_not_take_over_what_others_changed_since() -> None:
    live = deployment(replicas=1)
    live["metadata"]["annotations"] = {ssa.LAST_APPLIED: orjson.dumps(live).decode()}
    live["metadata"]["managedFields"] = ssa.track_update(None, live, DEPLOYMENT, writer("csa"))
    scaled_live = update(live, writer("kubectl", subresource="scale"), scaled(5))
    with pytest.raises(status.Conflict, match=r"1 conflict: .* subresource .*: .spec.replicas"):
        apply(scaled_live, deployment(replicas=1), writer("kubectl"))


def test_a_broken_memory_of_kubectl_helps_nobody() -> None:
    for text in ("{", "[]"):
        live = deployment(replicas=1)
        live["metadata"]["annotations"] = {ssa.LAST_APPLIED: text}
        with pytest.raises(status.Conflict):
            apply(live, deployment(replicas=2), writer("kubectl"))


def test_a_configuration_too_long_to_remember_is_forgotten() -> None:
    live = deployment()
    live["metadata"]["annotations"] = {ssa.LAST_APPLIED: "{}"}
    config = deployment()
    config["metadata"]["annotations"] = {"long": "x" * 300_000}
    made = apply(live, config, writer("kubectl"))
    assert made["metadata"]["annotations"][ssa.LAST_APPLIED] == ""


# --- removal -------------------------------------------------------------------------------------


def test_what_is_no_longer_sent_goes() -> None:
    live = apply(None, deployment(containers="ab", app="x", tier="y"))
    made = apply(live, deployment(replicas=None, app="x"))
    assert names(made) == ["a"]
    assert made["metadata"]["labels"] == {"app": "x"}
    assert "replicas" not in made["spec"]


def test_what_another_owns_too_stays() -> None:
    live = apply(apply(None, deployment(app="x")), deployment(app="x"), writer("other"))
    made = apply(live, deployment(replicas=None))
    assert made["metadata"]["labels"] == {"app": "x"}
    assert made["spec"]["replicas"] == 3


def test_defaults_go_with_the_item_that_they_belong_to() -> None:
    live = apply(None, deployment(containers="ab"))
    live["spec"]["template"]["spec"]["containers"][1]["imagePullPolicy"] = "Always"
    assert names(apply(live, deployment(containers="a"))) == ["a"]


def test_what_nobody_owns_stays() -> None:
    live = apply(None, deployment())
    live["spec"]["revisionHistoryLimit"] = 10
    assert apply(live, deployment(containers="b"))["spec"]["revisionHistoryLimit"] == 10


def test_new_items_stand_where_the_configuration_puts_them() -> None:
    live = apply(None, deployment(containers="ac"))
    assert names(apply(live, deployment(containers="abc"))) == ["a", "b", "c"]
    assert names(apply(live, deployment(containers="ca"))) == ["c", "a"]


def test_items_of_others_keep_their_place() -> None:
    live = apply(None, deployment(containers="axb"), writer("other"))
    assert names(apply(live, deployment(containers="bya"))) == ["x", "b", "y", "a"]


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ([], "must be an object"),
        ({"kind": "Deployment"}, "apiVersion must be set"),
        ({"apiVersion": "apps/v1"}, "kind must be set"),
        (
            deployment() | {"metadata": {"managedFields": [{"manager": "x"}]}},
            "metadata.managedFields must be nil",
        ),
        (deployment() | {"metadata": "x"}, "metadata must be an object"),
        (deployment(containers="aa"), "duplicate entries for key"),
    ],
)
def test_configurations_that_cannot_be_applied(config: Any, message: str) -> None:
    with pytest.raises(status.BadRequest, match=message):
        apply(None, config)


def test_items_without_a_key() -> None:
    config = deployment()
    config["spec"]["template"]["spec"]["containers"] = [{"image": "x"}]
    with pytest.raises(status.BadRequest, match='omits key field "name"'):
        apply(None, config)


def test_manager_names_come_from_the_query_or_the_program() -> None:
    assert managed.manager_name("mine", "kubectl/v1") == "mine"
    assert managed.manager_name("", "kubectl/v1.36 (linux)") == "kubectl"
    assert managed.manager_name("", "") == "unknown"


# --- laws ----------------------------------------------------------------------------------------

CONFIGS = st.builds(
    deployment,
    st.none() | st.integers(1, 3),
    st.lists(st.sampled_from("abcd"), min_size=1, unique=True).map("".join),
    app=st.sampled_from("xy"),
)


def content(obj: Any) -> Any:
    return {**obj, "metadata": {**obj["metadata"], "managedFields": None}}


@given(CONFIGS)
def test_applying_again_changes_nothing(config: Any) -> None:
    once = apply(None, config)
    assert apply(once, config, writer(at=60)) == once


@given(CONFIGS, CONFIGS)
def test_the_only_manager_gets_exactly_what_it_last_wanted(first: Any, second: Any) -> None:
    both = apply(apply(None, first), second, writer(at=60))
    alone = apply(None, second, writer(at=60))
    assert content(both) == content(alone)
    assert owners(both) == owners(alone)


@given(CONFIGS, CONFIGS)
def test_force_always_gives_what_is_wanted(first: Any, second: Any) -> None:
    live = apply(None, first, writer("other"))
    made = apply(live, second, force=True)
    assert apply(made, second) == made
    assert set(owners(made)["me"]) == set(owners(apply(None, second))["me"])


@given(CONFIGS, CONFIGS)
def test_a_manager_that_leaves_takes_only_its_own(first: Any, second: Any) -> None:
    alone = apply(None, first, writer("other"))
    both = apply(alone, second, force=True)
    nothing = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}}
    left = apply(both, nothing)
    assert owners(left).get("other", []) == owners(both).get("other", [])
    assert not owners(left).get("me")


@given(CONFIGS, CONFIGS)
def test_after_an_update_one_manager_owns_each_changed_field(first: Any, second: Any) -> None:
    live = apply(None, first)
    made = update(live, writer("curl", 60), lambda obj: obj.update(spec=second["spec"]))
    shared = set(owners(made).get("me", ())) & set(owners(made).get("curl", ()))
    assert not shared


@given(CONFIGS, CONFIGS)
def test_arguments_stay_as_they_are(first: Any, second: Any) -> None:
    live = apply(None, first)
    before = repr((live, second))
    apply(live, second, force=True)
    assert repr((live, second)) == before
