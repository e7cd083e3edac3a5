"""Discovery's forms, tags, health reports, metrics' text: what clients read literally."""

import pytest

from apimachinery import resource, wire
from apiserver import documents, metrics
from apiserver.attributes import Attributes
from apiserver.handlers import discovery, health

V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = V2.replace("v=v2;", "v=v2beta1;")


@pytest.mark.parametrize(
    ("accept", "version"),
    [
        (f"{V2},{V2BETA1},application/json", "v2"),
        (f"{V2BETA1},application/json", "v2beta1"),
        (f"application/json,{V2}", ""),
        ("application/json, */*", ""),
        ("", ""),
        (f"application/vnd.kubernetes.protobuf,{V2}", "v2"),
        (V2.replace("v=v2;", "v=v3;") + f",{V2}", "v2"),
    ],
)
def test_first_known_form_wins(accept: str, version: str) -> None:
    assert discovery.aggregated_version(accept) == version


def test_discovered_subresource_tells_its_own_kind() -> None:
    scale = resource.Subresource("scale", "Scale", ("get", "update"), "autoscaling", "v1")
    row = resource.Resource(
        "apps", "v1", "Deployment", "deployments", "deployment", True, subresources=(scale,)
    )
    told = discovery._discovered(row)
    assert told["responseKind"] == {"group": "apps", "version": "v1", "kind": "Deployment"}
    assert told["subresources"][0]["responseKind"] == {
        "group": "autoscaling",
        "version": "v1",
        "kind": "Scale",
    }


@pytest.mark.parametrize(
    ("header", "matching"),
    [("", False), ('"a"', True), ('W/"a"', True), ('"b", "a"', True), ("*", True), ('"b"', False)],
)
def test_if_none_match(header: str, matching: bool) -> None:
    assert documents.matches(header, '"a"') is matching


def test_memo_makes_a_document_once_for_each_generation() -> None:
    memo, made = documents.Memo(), []

    def make() -> bytes:
        made.append(1)
        return b"{}"

    for generation in (1, 1, 2):
        memo.document(generation, "name", "application/json", make)
    assert len(made) == 2


def test_unchanged_document_is_not_sent_again() -> None:
    document = documents.Document(b"x", "text/plain", documents.tag(b"x"))
    request = wire.Request("GET", "/", headers={"if-none-match": document.etag})
    answer = documents.answer(request, document)
    assert (answer.status, answer.body) == (304, b"")


def test_health_report_withholds_reasons() -> None:
    checks = {"ping": health.LIVE["ping"], "etcd": health.READY["etcd"]}
    answer = health._report("readyz", checks, {"ping"}, {"etcd"})
    assert answer.status == 500
    assert answer.body == (
        b"[+]ping excluded: ok\n[-]etcd failed: reason withheld\nreadyz check failed\n"
    )


def attributes(verb: str) -> Attributes:
    user = wire.UserInfo("u")
    return Attributes(
        user, verb, is_resource=True, path="", version="v1", resource="pods", name="x"
    )


def test_durations_are_cumulative_buckets() -> None:
    found = metrics.Metrics()
    for seconds in (0.001, 0.3, 100.0):
        found.observe(attributes("get"), 200, seconds)
    lines = found.render().splitlines()
    buckets = [int(line.split()[-1]) for line in lines if "_bucket" in line]
    assert buckets[0] == 1
    assert buckets[-1] == 3
    assert buckets == sorted(buckets)


def test_watches_have_no_duration() -> None:
    found = metrics.Metrics()
    found.observe(attributes("watch"), 200, 1000.0)
    assert "apiserver_request_duration_seconds_count" not in found.render()
    assert 'verb="WATCH"' in found.render()


def test_label_values_are_escaped() -> None:
    assert metrics.sample("m", [("l", 'a"b\\c\nd')], 1) == 'm{l="a\\"b\\\\c\\nd"} 1\n'
