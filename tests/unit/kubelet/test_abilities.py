"""What a node refuses rather than passing over."""

from typing import Any

from kubelet import abilities

DOMAIN = "cluster.local"


def pod(**spec: Any) -> dict[str, Any]:
    return {"metadata": {"name": "web", "namespace": "shop", "uid": "u"}, "spec": spec}


def test_a_usual_pod_lacks_nothing() -> None:
    assert abilities.lacking(pod(hostUsers=True), DOMAIN) == ""


def test_user_namespaces_are_not_passed_over() -> None:
    assert "hostUsers" in abilities.lacking(pod(hostUsers=False), DOMAIN)


def test_a_full_name_must_fit_the_kernel() -> None:
    fits = pod(setHostnameAsFQDN=True, hostname="h", subdomain="s" * 30)
    assert abilities.lacking(fits, DOMAIN) == ""
    long = pod(setHostnameAsFQDN=True, hostname="h", subdomain="s" * 60)
    assert "is too long" in abilities.lacking(long, DOMAIN)
