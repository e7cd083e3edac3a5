"""Names: what is good passes, what is bad is told why in Kubernetes' words."""

import random

import pytest

from apimachinery import names


@pytest.mark.parametrize("name", ["a", "my-name", "123-abc", "a" * 63])
def test_good_labels(name: str) -> None:
    assert names.dns1123_label(name) == []


@pytest.mark.parametrize("name", ["", "A", "-a", "a-", "a.b", "a_b", "ä", "a\n"])
def test_bad_labels(name: str) -> None:
    assert "a lowercase RFC 1123 label must consist of" in names.dns1123_label(name)[0]


def test_label_message_is_kubernetes_own() -> None:
    message = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
        "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex "
        "used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
    )
    assert names.dns1123_label("A") == [message]


def test_length_is_its_own_message() -> None:
    assert names.dns1123_label("a" * 64) == ["must be no more than 63 bytes"]
    assert names.dns1123_subdomain("a" * 254) == ["must be no more than 253 bytes"]


@pytest.mark.parametrize("name", ["example.com", "a.b.c", "0"])
def test_good_subdomains(name: str) -> None:
    assert names.dns1123_subdomain(name) == []


@pytest.mark.parametrize("name", ["BAD_", "a..b", ".a", "a."])
def test_bad_subdomains(name: str) -> None:
    assert "RFC 1123 subdomain" in names.dns1123_subdomain(name)[0]


def test_service_names_start_with_a_letter() -> None:
    assert names.dns1035_label("a1") == []
    assert "DNS-1035" in names.dns1035_label("1a")[0]


@pytest.mark.parametrize("key", ["app", "App_1.x", "example.com/MyName"])
def test_good_qualified_names(key: str) -> None:
    assert names.qualified_name(key) == []


@pytest.mark.parametrize(
    ("key", "start"),
    [
        ("", "name part must be non-empty"),
        ("/a", "prefix part must be non-empty"),
        ("A_/a", "prefix part a lowercase RFC 1123 subdomain"),
        ("a/", "name part must be non-empty"),
        ("a/b/c", "a qualified name must consist of"),
        ("a b", "name part must consist of"),
        ("a" * 64, "name part must be no more than 63 bytes"),
    ],
)
def test_bad_qualified_names(key: str, start: str) -> None:
    assert names.qualified_name(key)[0].startswith(start)


def test_label_values_may_be_empty() -> None:
    assert names.label_value("") == []
    assert "a valid label must be an empty string or" in names.label_value("a b")[0]


@pytest.mark.parametrize("key", [".", "..", "..a", "a/b", ""])
def test_config_keys_are_no_paths(key: str) -> None:
    assert names.config_key(key)


def test_environment_names_may_be_odd_but_printable() -> None:
    assert names.env_name("a.b-c d") == []
    assert names.env_name("a=b")
    assert names.env_name("ä")
    assert names.env_name("")


def test_path_segments() -> None:
    assert names.path_segment("system:node") == []
    assert names.path_segment("a/b") == ["may not contain '/'"]
    assert names.path_segment("..") == ["may not be '..'"]


@pytest.mark.parametrize("name", ["http", "a-1", "x" * 15])
def test_good_port_names(name: str) -> None:
    assert names.port_name(name) == []


@pytest.mark.parametrize("name", ["1", "a--b", "-a", "A", "x" * 16])
def test_bad_port_names(name: str) -> None:
    assert names.port_name(name)


def test_ports_are_bounded() -> None:
    assert names.port_number(1) == names.port_number(65535) == []
    assert names.port_number(0) == ["must be between 1 and 65535, inclusive"]


def test_addresses() -> None:
    assert names.ip_address("10.0.0.1") == names.ip_address("fd00::1") == []
    assert names.ip_address("10.0.0") != []


def test_generated_names_fit_a_label() -> None:
    name = names.generate("x" * 100, random.Random(1))
    assert len(name) == 63
    assert set(name[58:]) <= set(names.SUFFIX_ALPHABET)


def test_safe_encoding_keeps_length_and_alphabet() -> None:
    text = names.safe_encode("1234567890")
    assert len(text) == 10
    assert set(text) <= set(names.SUFFIX_ALPHABET)
