"""What was found sound is not judged again, and what is wrong always is, with the same words."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apimachinery import defaults, scheme
from apimachinery.validation import containers, pods, volumes
from apimachinery.validation.seen import PART_MAX, SEEN_MAX, Seen

VALUES: dict[str, tuple[Any, ...]] = {
    # Sound and unsound values of what the rules look at, in all three remembered parts.
    "name": ("c", "Bad_Name", ""),
    "image": ("busybox", " busybox", ""),
    "port": (80, 0, 70000),
    "host": (0, 80, 81),
    "mount": ("data", "missing", "token"),
    "probe": (1, -1),
    "restart": ("Always", "Sometimes"),
    "account": ("default", "Not_A_Name"),
    "toleration": ("NoSchedule", "Never"),
    "mode": (420, 4096),
    "secret": ("tls", ""),
    "network": (False, True),
}

CHOICES = st.fixed_dictionaries({key: st.sampled_from(values) for key, values in VALUES.items()})


def pod_spec(chosen: dict[str, Any]) -> dict[str, Any]:
    obj = {
        "spec": {
            "hostNetwork": chosen["network"],
            "restartPolicy": chosen["restart"],
            "serviceAccountName": chosen["account"],
            "tolerations": [{"key": "a", "operator": "Exists", "effect": chosen["toleration"]}],
            "volumes": [
                {"name": "data", "secret": {"secretName": chosen["secret"]}},
                {"name": "token", "configMap": {"name": "ca", "defaultMode": chosen["mode"]}},
            ],
            "containers": [
                {
                    "name": chosen["name"],
                    "image": chosen["image"],
                    "ports": [{"containerPort": chosen["port"], "hostPort": chosen["host"]}],
                    "volumeMounts": [{"name": chosen["mount"], "mountPath": "/data"}],
                    "readinessProbe": {
                        "exec": {"command": ["true"]},
                        "periodSeconds": chosen["probe"],
                    },
                }
            ],
        }
    }
    defaults.apply(scheme.PODS, obj)
    return obj["spec"]


@pytest.fixture
def forget(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes the rules judge everything anew."""

    def run() -> None:
        for module in (containers, pods, volumes):
            monkeypatch.setattr(module._SOUND, "_parts", {})

    return run


@given(chosen=st.lists(CHOICES, min_size=2, max_size=8))
def test_memory_changes_no_verdict(chosen: list[dict[str, Any]]) -> None:
    specs = [pod_spec(one) for one in chosen]
    remembering = [pods.spec_errors(spec, "spec") for spec in (*specs, *specs)]
    fresh = []
    for spec in (*specs, *specs):
        for module in (containers, pods, volumes):
            module._SOUND._parts.clear()
        fresh.append(pods.spec_errors(spec, "spec"))
    assert remembering == fresh


def test_the_same_port_is_judged_by_its_network(forget: Callable[[], None]) -> None:
    """Sound in a network of its own, unsound in the host's."""
    forget()
    chosen = {key: values[0] for key, values in VALUES.items()} | {"host": 81}
    assert pods.spec_errors(pod_spec(chosen), "spec") == []
    errors = pods.spec_errors(pod_spec(chosen | {"network": True}), "spec")
    assert [error.field for error in errors] == ["spec.containers[0].ports[0].hostPort"]


def test_mounts_are_judged_each_time(forget: Callable[[], None]) -> None:
    forget()
    chosen = {key: values[0] for key, values in VALUES.items()}
    assert pods.spec_errors(pod_spec(chosen), "spec") == []
    errors = pods.spec_errors(pod_spec(chosen | {"mount": "missing"}), "spec")
    assert [error.field for error in errors] == ["spec.containers[0].volumeMounts[0].name"]


def test_memory_is_bounded() -> None:
    seen = Seen()
    keys = [seen.key({"number": number}) for number in range(SEEN_MAX + 1)]
    for key in keys:
        seen.add(key)
    assert keys[0] not in seen
    assert keys[-1] in seen
    long = seen.key({"text": "x" * PART_MAX})
    seen.add(long)
    assert long not in seen
