"""The service that every cluster has."""

from .clients import Api


def test_the_api_servers_have_a_service(root: Api) -> None:
    listed = root.get("/api/v1/services").json["items"]
    names = {(one["metadata"]["namespace"], one["metadata"]["name"]): one for one in listed}
    spec = names["default", "kubernetes"]["spec"]
    assert ("https", 443) in [(one["name"], one["port"]) for one in spec["ports"]]
