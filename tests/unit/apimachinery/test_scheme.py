"""The scheme table: names are unique, models exist, rows may come and go."""

from apimachinery import scheme, scheme_table
from apimachinery.scheme import BUILTIN, Resource, Subresource
from apimachinery.types.base import TypedModel, facts

WIDGETS = Resource("example.com", "v1", "Widget", "widgets", "widget", namespaced=True)


def test_every_row_names_a_model_of_its_kind():
    for row in BUILTIN.all():
        model = row.load_model()
        assert model is not None
        assert issubclass(model, TypedModel), row
        assert model.__name__ == row.kind


def test_every_subresource_names_a_known_kind():
    for row in BUILTIN.all():
        for sub in row.subresources:
            group, version = (sub.group, sub.version) if sub.version else (row.group, row.version)
            assert BUILTIN.model_of(group, version, sub.kind) is not None, (row.gr, sub.name)


def test_every_extra_kind_has_a_model():
    for group, version, kind in scheme_table.EXTRA_KINDS:
        model = BUILTIN.model_of(group, version, kind)
        assert model is not None
        assert model.__name__ == kind


def test_kinds_and_plurals_are_unique():
    rows = list(BUILTIN.all())
    assert len({row.gvr for row in rows}) == len(rows)
    assert len({row.gvk for row in rows}) == len(rows)


def test_rows_stored_under_another_name_point_at_a_stored_row():
    shared = [row for row in BUILTIN.all() if row.stored_as is not None]
    assert {row.gr for row in shared} == {
        "events.events.k8s.io",
        "horizontalpodautoscalers.autoscaling",
    }
    for row in shared:
        assert BUILTIN.storage_resource(row).stored


def test_reviews_and_live_kinds_are_not_stored():
    kept = {row.gr for row in BUILTIN.all() if row.stored}
    assert "pods" in kept
    assert "tasks.offers.bireme.dev" in kept
    assert not kept & {"bindings", "offers.offers.bireme.dev", "pods.metrics.k8s.io"}
    assert "tokenreviews.authentication.k8s.io" not in kept


def test_names_of_a_row():
    assert scheme.PODS.api_version == "v1"
    assert scheme.DEPLOYMENTS.api_version == scheme.DEPLOYMENTS.group_version == "apps/v1"
    assert scheme.PODS.gr == "pods"
    assert scheme.DEPLOYMENTS.gr == "deployments.apps"
    assert scheme.ENDPOINTS.list_name == "EndpointsList"


def test_subresources_are_found_by_name():
    scale = scheme.DEPLOYMENTS.subresource("scale")
    assert scale == Subresource("scale", "Scale", ("get", "patch", "update"), "autoscaling", "v1")
    assert scheme.DAEMONSETS.subresource("scale") is None


def test_the_preferred_version_comes_first():
    assert BUILTIN.groups()["autoscaling"] == ("v2", "v1")
    found = BUILTIN.preferred("autoscaling", "horizontalpodautoscalers")
    assert found is not None
    assert found.version == "v2"


def test_the_model_of_a_list_has_items_of_the_kind():
    model = BUILTIN.model_of("", "v1", "PodList")
    assert model is not None
    assert facts(model)["items"].type is scheme.PODS.load_model()


def test_meta_kinds_are_known_in_every_group():
    assert BUILTIN.model_of("apps", "v1", "DeleteOptions") is not None
    assert BUILTIN.model_of("no.such", "v7", "Pod") is None


def test_a_row_comes_and_goes_at_run_time():
    own = scheme.builtin()
    before = own.generation
    own.add(WIDGETS)
    assert own.by_kind("example.com", "v1", "Widget") is WIDGETS
    assert own.by_api_version("example.com/v1", "Widget") is WIDGETS
    assert own.generation > before
    own.remove(WIDGETS)
    assert own.by_plural("example.com", "v1", "widgets") is None
    assert own.by_kind("example.com", "v1", "Widget") is None


def test_a_row_replaces_the_one_of_the_same_plural():
    own = scheme.Scheme()
    own.add(WIDGETS)
    gadget = Resource("example.com", "v1", "Gadget", "widgets", "widget", namespaced=True)
    own.add(gadget)
    assert own.by_kind("example.com", "v1", "Widget") is None
    assert list(own.all()) == [gadget]


def test_changes_of_one_scheme_do_not_show_in_another():
    own = scheme.builtin()
    own.add(WIDGETS)
    assert BUILTIN.by_plural("example.com", "v1", "widgets") is None


def test_a_custom_resource_has_no_model():
    assert WIDGETS.load_model() is None
