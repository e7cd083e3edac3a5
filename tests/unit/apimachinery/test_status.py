"""Errors say what Kubernetes says, word for word."""

import pytest

from apimachinery import status


def test_not_found_is_the_real_servers_answer() -> None:
    assert status.not_found("pods", "nope").to_status() == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'pods "nope" not found',
        "reason": "NotFound",
        "details": {"name": "nope", "kind": "pods"},
        "code": 404,
    }


def test_groups_qualify_names() -> None:
    error = status.already_exists("deployments", "web", "apps")
    assert error.message == 'deployments.apps "web" already exists'
    assert error.details == {"name": "web", "group": "apps", "kind": "deployments"}


def test_one_field_error_stands_alone() -> None:
    error = status.invalid("Pod", "x", [status.required("spec.containers[0].name")])
    assert error.message == 'Pod "x" is invalid: spec.containers[0].name: Required value'


def test_several_field_errors_stand_in_brackets_each_once() -> None:
    errors = [
        status.invalid_value("a", "b", "bad"),
        status.required("c"),
        status.required("c"),
    ]
    error = status.invalid("Deployment", "x", errors, "apps")
    assert error.message == (
        'Deployment.apps "x" is invalid: [a: Invalid value: "b": bad, c: Required value]'
    )
    assert error.causes == [
        {"reason": "FieldValueInvalid", "message": 'Invalid value: "b": bad', "field": "a"},
        {"reason": "FieldValueRequired", "message": "Required value", "field": "c"},
        {"reason": "FieldValueRequired", "message": "Required value", "field": "c"},
    ]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (status.required("f", "name it"), "f: Required value: name it"),
        (status.invalid_value("f", 5, "too much"), "f: Invalid value: 5: too much"),
        (status.invalid_value("f", True, "no"), "f: Invalid value: true: no"),
        (status.invalid_value("f", 'a"b\n', "no"), 'f: Invalid value: "a\\"b\\n": no'),
        (status.invalid_value("f", {"a": [1]}, "no"), 'f: Invalid value: {"a":[1]}: no'),
        (
            status.not_supported("f", "X", ["A", "B"]),
            'f: Unsupported value: "X": supported values: "A", "B"',
        ),
        (status.duplicate("f", "x"), 'f: Duplicate value: "x"'),
        (status.forbidden_field("f", "not now"), "f: Forbidden: not now"),
        (status.too_long("f", 63), "f: Too long: may not be more than 63 bytes"),
        (status.too_many("f", 5, 1), "f: Too many: 5: must have at most 1 item"),
        (status.not_found_value("f", "x"), 'f: Not found: "x"'),
    ],
)
def test_field_errors_read_as_in_kubernetes(error: status.FieldError, message: str) -> None:
    assert error.message() == message


def test_forbidden_with_and_without_a_name() -> None:
    assert status.forbidden("pods", "x", "why").message == 'pods "x" is forbidden: why'
    assert status.forbidden("pods", "", "why").message == "pods is forbidden: why"


def test_conflict_tells_how_to_go_on() -> None:
    error = status.conflict("pods", "x")
    assert error.message == (
        'Operation cannot be fulfilled on pods "x": the object has been modified; please apply '
        "your changes to the latest version and try again"
    )


def test_retry_after_is_a_header_too() -> None:
    assert status.too_many_requests(3).headers == {"Retry-After": "3"}


def test_too_large_resource_version_can_be_told_from_other_timeouts() -> None:
    error = status.too_large_resource_version(9, 5)
    assert error.code == 504
    assert error.causes[0]["reason"] == "ResourceVersionTooLarge"


@pytest.mark.parametrize(
    "error",
    [
        status.bad_request("b"),
        status.unauthorized(),
        status.forbidden("pods", "x", "d"),
        status.not_found("pods", "x"),
        status.method_not_allowed(),
        status.already_exists("pods", "x"),
        status.conflict("pods", "x"),
        status.expired("e"),
        status.invalid("Pod", "x", []),
        status.too_many_requests(1),
        status.internal_error("i"),
        status.ServerTimeout("s"),
        status.service_unavailable("s"),
        status.timeout("t"),
        status.not_acceptable(["application/json"]),
    ],
    ids=lambda error: error.reason,
)
def test_a_status_that_arrives_is_the_error_that_left(error: status.ApiError) -> None:
    again = status.ApiError.from_status(error.to_status(), error.code)
    assert type(again) is type(error)
    assert again.to_status() == error.to_status()


def test_a_bare_code_finds_its_class() -> None:
    error = status.ApiError.from_status({}, 404)
    assert isinstance(error, status.NotFound)
    assert error.code == 404


def test_gone_is_expired() -> None:
    error = status.ApiError.from_status({"reason": "Gone", "code": 410}, 410)
    assert isinstance(error, status.Expired)


def test_success_names_what_was_deleted() -> None:
    answer = status.success("pods", "x", "u1")
    assert answer["status"] == "Success"
    assert answer["details"] == {"name": "x", "kind": "pods", "uid": "u1"}


def test_odd_characters_are_escaped_as_go_does() -> None:
    assert status.quote("a\x01\u200b\U000e0001é\\") == '"a\\x01\\u200b\\U000e0001é\\\\"'


def test_errors_without_an_object() -> None:
    assert status.forbidden("", "", "why").message == "forbidden: why"
    assert status.path_not_found().message == "the server could not find the requested resource"


def test_a_conflict_of_apply_names_its_causes() -> None:
    cause = {"reason": "FieldManagerConflict", "message": "m", "field": ".a"}
    assert status.apply_conflict("text", [cause]).causes == [cause]


def test_bodies_and_media_types() -> None:
    assert status.entity_too_large(9).message == "Request entity too large: limit is 9"
    error = status.unsupported_media_type(["application/json", "x/y"])
    assert error.message.endswith("accepted media types include: application/json, x/y")
    assert error.code == 415


def test_a_field_of_the_wrong_type() -> None:
    assert status.type_invalid("f", 1, "d").message() == "f: Invalid value: 1: d"
