"""Secrets that ask for a token get one, and go with their account."""

import base64

import pytest

from apimachinery import meta, scheme, wire
from controllers import manager

from .conftest import Cluster

CA = "-----BEGIN CERTIFICATE-----\n"


@pytest.fixture
def options() -> manager.Options:
    def make(account: wire.JsonObject, secret: wire.JsonObject) -> str:
        return f"token of {meta.name(account)} in {meta.name(secret)}"

    return manager.Options(make_token=make, root_ca=CA)


def secret(account: str) -> wire.JsonObject:
    annotations = {"kubernetes.io/service-account.name": account}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/service-account-token",
        "metadata": {"name": "s", "namespace": "default", "annotations": annotations},
    }


def account(name: str) -> wire.JsonObject:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": name, "namespace": "default"},
    }


async def filled(cluster: Cluster) -> wire.JsonObject | None:
    found = await cluster.client.get(scheme.SECRETS, "s", "default")
    return found if (found.get("data") or {}).get("token") else None


async def test_a_secret_is_filled(cluster: Cluster) -> None:
    made = await cluster.client.create(scheme.SERVICEACCOUNTS, account("robot"))
    await cluster.client.create(scheme.SECRETS, secret("robot"))
    found = await cluster.eventually(lambda: filled(cluster))
    data = {key: base64.b64decode(value).decode() for key, value in found["data"].items()}
    assert data == {"token": "token of robot in s", "namespace": "default", "ca.crt": CA}
    annotations = found["metadata"]["annotations"]
    assert annotations["kubernetes.io/service-account.uid"] == meta.uid(made)


async def test_a_secret_goes_with_its_account(cluster: Cluster) -> None:
    await cluster.client.create(scheme.SERVICEACCOUNTS, account("robot"))
    await cluster.client.create(scheme.SECRETS, secret("robot"))
    await cluster.eventually(lambda: filled(cluster))
    await cluster.client.delete(scheme.SERVICEACCOUNTS, "robot", "default")
    await cluster.gone(scheme.SECRETS, "s")


async def test_a_secret_of_nobody_goes(cluster: Cluster) -> None:
    await cluster.client.create(scheme.SECRETS, secret("nobody"))
    await cluster.gone(scheme.SECRETS, "s")


async def test_a_token_that_was_taken_out_is_made_again(cluster: Cluster) -> None:
    await cluster.client.create(scheme.SERVICEACCOUNTS, account("robot"))
    await cluster.client.create(scheme.SECRETS, secret("robot"))
    await cluster.eventually(lambda: filled(cluster))
    await cluster.client.patch(scheme.SECRETS, "s", {"data": {"token": None}}, "default")
    assert await cluster.eventually(lambda: filled(cluster))
