"""Which form a client gets for its Accept header."""

import pytest

from apimachinery import status
from apiserver import negotiation
from apiserver.negotiation import Accepted, Transform, accepted

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        ("", negotiation.JSON),
        ("*/*", negotiation.JSON),
        ("application/*", negotiation.JSON),
        ("application/json, */*", negotiation.JSON),
        ("application/vnd.kubernetes.protobuf,application/json", negotiation.JSON),
        ("application/vnd.kubernetes.protobuf", negotiation.PROTOBUF),
        ("application/yaml", negotiation.YAML),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", negotiation.JSON),
        ("application/json;q=0.1,application/yaml", negotiation.YAML),
        ("application/json;q=0,application/yaml", negotiation.YAML),
        ("Application/JSON", negotiation.JSON),
        ("application/json;q=nonsense", negotiation.JSON),
        ("application/json;stream=watch", negotiation.JSON),
    ],
)
def test_media_types(header, media_type):
    assert accepted(header) == Accepted(media_type, Transform.NONE)


def test_a_table_comes_first_where_kubectl_asks_for_it():
    header = f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
    assert accepted(header) == Accepted(negotiation.JSON, Transform.TABLE, "v1")


def test_a_transformation_that_is_not_known_falls_back():
    header = "application/json;as=Picture;v=v1;g=meta.k8s.io,application/json"
    assert accepted(header).transform is Transform.NONE


def test_a_version_that_is_not_known_is_not_acceptable():
    with pytest.raises(status.ApiError) as caught:
        accepted("application/json;as=Table;v=v7;g=meta.k8s.io")
    assert caught.value.code == 406


def test_lists_and_objects_have_partial_forms_of_their_own():
    one = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    many = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    assert accepted(one).transform is Transform.PARTIAL
    assert accepted(many, single=False).transform is Transform.PARTIAL_LIST
    with pytest.raises(status.ApiError):
        accepted(many)


def test_protobuf_is_given_only_where_json_of_the_same_kind_is_not_taken():
    partial = "as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
    both = f"{negotiation.PROTOBUF};{partial},{negotiation.JSON};{partial},{negotiation.JSON}"
    assert accepted(both) == Accepted(negotiation.JSON, Transform.PARTIAL)
    whole = f"{negotiation.PROTOBUF};{partial},{negotiation.JSON}"
    assert accepted(whole) == Accepted(negotiation.PROTOBUF, Transform.PARTIAL)


@pytest.mark.parametrize(
    ("header", "media_type"),
    [
        (TABLE, negotiation.JSON),
        ("text/html", negotiation.JSON),
        (negotiation.PROTOBUF, negotiation.PROTOBUF),
        (f"{negotiation.PROTOBUF},{negotiation.JSON}", negotiation.JSON),
        (negotiation.YAML, negotiation.YAML),
        (f"{negotiation.YAML};q=nonsense;as=Picture", negotiation.JSON),
    ],
)
def test_a_failure_is_told_in_a_form_that_is_taken(header, media_type):
    assert negotiation.of_error(header) == Accepted(media_type, Transform.NONE)


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("", negotiation.JSON),
        ("application/json; charset=utf-8", negotiation.JSON),
        ("Application/YAML", negotiation.YAML),
        ("text/plain", "text/plain"),
    ],
)
def test_bodies(header, kind):
    assert negotiation.body_type(header) == kind
