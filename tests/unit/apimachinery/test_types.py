"""The models agree with themselves: numbers, merge keys, defaults; they read what is stored."""

import importlib
import pkgutil
import subprocess
import sys

import pytest
from pydantic import ValidationError

import apimachinery.types
from apimachinery.types.base import Model, Scalar, facts
from apimachinery.types.core_container import Container
from apimachinery.types.core_pod import Pod, PodSpec
from apimachinery.types.core_probe import Probe, ProbeHandler


def _models() -> list[type[Model]]:
    found: dict[type[Model], None] = {}
    for module in pkgutil.iter_modules(apimachinery.types.__path__):
        loaded = importlib.import_module(f"apimachinery.types.{module.name}")
        for value in vars(loaded).values():
            if isinstance(value, type) and issubclass(value, Model) and value is not Model:
                found[value] = None
    return list(found)


MODELS = _models()


def _own_fields(model: type[Model]) -> set[str]:
    inherited = {name for base in model.embedded for name in facts(base)}
    return set(facts(model)) - inherited


def test_there_are_all_messages():
    assert len(MODELS) > 500


def test_protobuf_numbers_are_unique_in_a_message():
    for model in MODELS:
        numbers = [one.number for one in facts(model).values() if one.name in _own_fields(model)]
        numbers = [one for one in numbers if one] + list(model.embedded.values())
        assert len(set(numbers)) == len(numbers), model


def test_merge_keys_and_map_keys_are_fields_of_the_items():
    for model in MODELS:
        for one in facts(model).values():
            if isinstance(one.type, Scalar):
                assert not one.merge_key
                continue
            keys = {one.merge_key, *one.list_keys} - {""}
            assert keys <= set(facts(one.type)), (model, one.name)


def test_every_model_says_what_it_is():
    assert not [model for model in MODELS if len((model.__doc__ or "").split()) < 2]


@pytest.mark.parametrize("model", [Pod, PodSpec, Container, Probe])
def test_every_field_of_a_common_kind_says_what_it_is(model):
    assert not [one.name for one in facts(model).values() if not one.description]


def test_facts_of_a_merged_list():
    ports = facts(Container)["ports"]
    assert ports.shape == "list"
    assert ports.merge_key == "containerPort"
    assert ports.list_type == "map"
    assert ports.list_keys == ("containerPort", "protocol")
    assert ports.number == 6


def test_facts_of_a_list_that_is_replaced_whole():
    assert facts(Container)["command"].list_type == "atomic"


def test_facts_of_a_list_with_retained_keys():
    volumes = facts(PodSpec)["volumes"]
    assert volumes.strategies == ("merge", "retainKeys")
    assert volumes.merge_key == "name"


def test_facts_of_an_atomic_map():
    assert facts(PodSpec)["nodeSelector"].map_type == "atomic"
    assert facts(PodSpec)["overhead"].map_type == "granular"


def test_a_probe_shows_its_handler_as_its_own_fields():
    assert Probe.embedded == {ProbeHandler: 1}
    assert {"exec", "httpGet", "periodSeconds"} <= set(facts(Probe))


def test_zero_means_something_only_where_absence_means_something_else():
    assert not facts(Container)["stdin"].presence
    assert facts(PodSpec)["terminationGracePeriodSeconds"].presence


def test_a_model_reads_a_stored_object():
    pod = Pod.model_validate(
        {
            "metadata": {"name": "a"},
            "spec": {
                "nodeName": "n1",
                "containers": [{"name": "c", "ports": [{"containerPort": 80}]}],
            },
        }
    )
    assert pod.spec.node_name == "n1"
    assert pod.spec.containers[0].ports[0].container_port == 80


def test_a_model_takes_no_wrong_types():
    with pytest.raises(ValidationError):
        Pod.model_validate({"spec": {"containers": [{"name": "c", "stdin": "yes"}]}})


def test_a_model_cannot_be_changed():
    pod = Pod.model_validate({"metadata": {"name": "a"}})
    with pytest.raises(ValidationError):
        pod.kind = "Other"


def test_importing_the_scheme_loads_no_models():
    code = "import sys, apimachinery.scheme; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
