"""Rules about metadata hold for every kind."""

import copy

import pytest

from apimachinery import scheme, validation
from apimachinery.validation.metadata import name_check

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)


def create(resource=scheme.CONFIGMAPS, **metadata) -> list[str]:
    given = {"name": "a"}
    if resource.namespaced:
        given["namespace"] = "default"
    obj = {"metadata": {**given, **metadata}}
    return [one.message() for one in validation.validate_create(resource, obj)]


def test_a_bad_name():
    assert create(name="BAD_") == [f'metadata.name: Invalid value: "BAD_": {SUBDOMAIN}']


def test_no_name():
    assert create(name="") == ["metadata.name: Required value: name or generateName is required"]


def test_a_name_prefix_ends_with_a_dash():
    assert create(generateName="web-") == []
    assert create(generateName="Web-")[0].startswith(
        'metadata.generateName: Invalid value: "Web-": a lowercase RFC 1123 subdomain'
    )


def test_role_names_need_only_fit_a_path():
    assert create(scheme.CLUSTERROLES, name="system:node") == []
    assert name_check(scheme.CERTIFICATESIGNINGREQUESTS)("Any_Name") == []
    assert create(scheme.CLUSTERROLES, name="a/b") == [
        "metadata.name: Invalid value: \"a/b\": may not contain '/'"
    ]


def test_namespaces_where_they_belong():
    assert create(namespace="") == ["metadata.namespace: Required value"]
    assert create(scheme.CLUSTERROLES, namespace="x") == [
        "metadata.namespace: Forbidden: not allowed on this type"
    ]


def test_labels():
    [message] = create(labels={"a b": "x"})
    assert message.startswith('metadata.labels: Invalid value: "a b": name part must consist of')
    [message] = create(labels={"a": "x y"})
    assert message.startswith('metadata.labels: Invalid value: "x y": a valid label must be')


def test_annotations_are_bounded():
    assert create(annotations={"a": "x" * 262143}) == []
    assert create(annotations={"a": "x" * 262144}) == [
        "metadata.annotations: Too long: may not be more than 262144 bytes"
    ]


def test_owners_are_named_whole():
    assert create(ownerReferences=[{"apiVersion": "v1", "kind": "Pod", "name": "p"}]) == [
        'metadata.ownerReferences[0].uid: Invalid value: "": must not be empty'
    ]


def test_an_object_has_one_controller():
    owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "1", "controller": True}
    [message] = create(ownerReferences=[owner, {**owner, "name": "q"}])
    assert "Only one reference can have Controller set to true" in message


def test_orphan_and_foreground_exclude_each_other():
    [message] = create(finalizers=["orphan", "foregroundDeletion"])
    assert "cannot both be set" in message


OLD = {"metadata": {"name": "a", "namespace": "default", "uid": "1", "generation": 2}}


def update(old=OLD, **metadata) -> list[str]:
    new = copy.deepcopy(old)
    new["metadata"].update(metadata)
    return [one.message() for one in validation.validate_update(scheme.CONFIGMAPS, new, old)]


@pytest.mark.parametrize(
    "field", ["name", "namespace", "uid", "creationTimestamp", "deletionTimestamp"]
)
def test_what_never_changes(field):
    assert update(**{field: "b"}) == [f'metadata.{field}: Invalid value: "b": field is immutable']


def test_the_generation_only_grows():
    assert update(generation=1) == [
        "metadata.generation: Invalid value: 1: must not be decremented"
    ]


def test_no_finalizer_is_added_to_a_dying_object():
    dying = {"metadata": {**OLD["metadata"], "deletionTimestamp": "2026-01-01T00:00:00Z"}}
    assert update(dying, finalizers=["x.io/y"]) == [
        (
            "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being "
            'deleted, found new finalizers []string{"x.io/y"}'
        )
    ]
