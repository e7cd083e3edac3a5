"""Tokens of an outside issuer: a small one of aiohttp, named in an AuthenticationConfiguration."""

import asyncio
import json
import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import jwt
import pytest
import yaml
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from apiserver import stores
from apiserver.assembly import Process, Security
from apiserver.identity import configuration, issuers, pki

from .conftest import Cluster

SECONDS = 20.0
"""How long keys may take to be fetched on a busy machine."""
WHO = "/apis/authentication.k8s.io/v1/selfsubjectreviews"


class Issuer:
    """Shows its configuration and its keys; signs what it is told."""

    def __init__(self, keys: pki.Pki) -> None:
        self.keys = keys
        self.private: dict[str, Any] = {"one": ec.generate_private_key(ec.SECP256R1())}
        self.url = ""
        self.named = ""
        """As whom it presents itself, if not as itself."""
        self._runner: web.ServerRunner | None = None

    async def start(self) -> None:
        pair = self.keys.kubelet_server("localhost", ["localhost"])
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(pair.cert, pair.key)
        self._runner = web.ServerRunner(web.Server(self._answer), shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=tls)
        await site.start()
        self.url = f"https://localhost:{self._runner.addresses[0][1]}/auth"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.path == "/auth/.well-known/openid-configuration":
            named = self.named or self.url
            return web.json_response({"issuer": named, "jwks_uri": f"{self.url}/keys"})
        shown = []
        for name, key in self.private.items():
            algorithm: Any = RSAAlgorithm if isinstance(key, rsa.RSAPrivateKey) else ECAlgorithm
            shown.append({**json.loads(algorithm.to_jwk(key.public_key())), "kid": name})
        return web.json_response({"keys": shown})

    def token(self, *, key: str = "one", algorithm: str = "ES256", **claims: Any) -> str:
        now = int(time.time())
        said = {"iss": self.url, "aud": "bireme", "exp": now + 600, "sub": "jane", **claims}
        told = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(told, self.private[key], algorithm, {"kid": key})


@pytest.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[Issuer]:
    made = Issuer(pki.Pki(tmp_path / "issuer"))
    await made.start()
    yield made
    await made.stop()


MAPPED = {
    "claimValidationRules": [
        {"claim": "tenant", "requiredValue": "acme"},
        {"expression": "!has(claims.locked) || !claims.locked", "message": "it is locked"},
    ],
    "claimMappings": {
        "username": {"expression": "'oidc:' + claims.sub"},
        "groups": {"claim": "roles", "prefix": "oidc:"},
        "uid": {"claim": "oid"},
        "extra": [{"key": "example.com/tenant", "valueExpression": "claims.tenant"}],
    },
    "userValidationRules": [
        {"expression": "!user.username.startsWith('oidc:system:')", "message": "reserved"}
    ],
}


def configured(issuer: Issuer, **given: Any) -> dict[str, Any]:
    about = {
        "url": issuer.url,
        "audiences": ["bireme", "other"],
        "audienceMatchPolicy": "MatchAny",
        "certificateAuthority": issuer.keys.ca.cert.read_text(),
    }
    one = {"issuer": about, **(given or MAPPED)}
    return {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [one],
    }


@pytest.fixture
async def believing(issuer: Issuer, tmp_path: Path) -> AsyncIterator[Cluster]:
    path = tmp_path / "authentication.yaml"
    path.write_text(yaml.safe_dump(configured(issuer)))
    keys = pki.Pki(tmp_path / "pki")
    security = Security(keys=keys, authentication=configuration.read(path))
    process = Process(stores.open_store("memory"), security)
    await process.start([("127.0.0.1", 0)])
    yield Cluster(process, keys, tmp_path)
    await process.stop()


async def who(cluster: Cluster, token: str) -> tuple[int, Any]:
    code, answer = await cluster.send("POST", WHO, {}, token=token)
    return code, answer["status"]["userInfo"] if code == 201 else answer


async def known(cluster: Cluster, token: str) -> Any:
    """The user, once the keys have been fetched."""
    async with asyncio.timeout(SECONDS):
        while (found := await who(cluster, token))[0] != 201:
            assert found[0] == 401
            await asyncio.sleep(0.05)
    return found[1]


async def test_claims_become_a_user(believing: Cluster, issuer: Issuer) -> None:
    token = issuer.token(tenant="acme", roles=["dev", "ops"], oid="7")
    assert await known(believing, token) == {
        "username": "oidc:jane",
        "uid": "7",
        "groups": ["oidc:dev", "oidc:ops", "system:authenticated"],
        "extra": {"example.com/tenant": ["acme"]},
    }
    # Who it is, not what it may: that is RBAC's matter.
    code, answer = await believing.send("GET", "/api/v1/pods", token=token)
    assert code == 403
    assert 'User "oidc:jane" cannot list resource "pods"' in answer["message"]
    single = issuer.token(tenant="acme", aud=["x", "other"], roles="dev")
    assert (await who(believing, single))[1]["groups"] == ["oidc:dev", "system:authenticated"]


async def test_tokens_that_are_no_good(believing: Cluster, issuer: Issuer) -> None:
    await known(believing, issuer.token(tenant="acme"))
    now = int(time.time())
    stranger = Issuer(issuer.keys)
    stranger.url = issuer.url
    head = jwt.encode({"a": 1}, issuer.private["one"], "ES256").split(".")[0]
    good = issuer.token(tenant="acme")
    for bad in (
        issuer.token(tenant="acme", exp=now - 1),
        issuer.token(tenant="acme", exp=None),
        issuer.token(tenant="acme", nbf=now + 3600),
        issuer.token(tenant="acme", aud="else"),
        issuer.token(tenant="acme", aud=None),
        issuer.token(tenant="acme", iss="https://else.example.com"),
        issuer.token(tenant="acme", sub=None),
        issuer.token(tenant="acme", sub="system:admin"),
        issuer.token(tenant="acme", roles=[1]),
        issuer.token(tenant="acme", locked=True),
        issuer.token(tenant="else"),
        issuer.token(),
        stranger.token(tenant="acme"),
        jwt.encode({"iss": issuer.url, "aud": "bireme", "exp": now + 9}, "x" * 40, "HS256"),
        jwt.encode({"iss": issuer.url, "aud": "bireme", "exp": now + 9}, None, "none"),
        ".".join((head, *good.split(".")[1:])),
        good[:-4],
    ):
        assert (await who(believing, bad))[0] == 401, bad


async def test_new_keys_are_fetched(
    believing: Cluster, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuers, "AGAIN_SECONDS", 0.05)
    await known(believing, issuer.token(tenant="acme"))
    issuer.private = {"two": rsa.generate_private_key(65537, 2048)}
    token = issuer.token(key="two", algorithm="RS256", tenant="acme", sub="ann")
    assert (await known(believing, token))["username"] == "oidc:ann"


async def test_a_token_review_knows_them(believing: Cluster, issuer: Issuer) -> None:
    token = issuer.token(tenant="acme", sub="bob")
    await known(believing, token)
    tls = believing.tls()
    pair = believing.keys.admin()
    tls.load_cert_chain(pair.cert, pair.key)
    path = "/apis/authentication.k8s.io/v1/tokenreviews"
    async with aiohttp.ClientSession(believing.url) as session:
        for audiences, good in (
            ([], True),
            (["https://kubernetes.default.svc"], True),
            (["x"], False),
        ):
            review = {"spec": {"token": token, "audiences": audiences}}
            async with session.post(path, json=review, ssl=tls) as answer:
                found = (await answer.json())["status"]
            assert found.get("authenticated", False) is good
            if good:
                assert found["user"]["username"] == "oidc:bob"


async def test_kubectl_with_such_a_token(believing: Cluster, issuer: Issuer) -> None:
    token = issuer.token(tenant="acme", roles="dev")
    await known(believing, token)
    config = yaml.safe_load(believing.kubeconfig.read_text())
    config["users"][0]["user"] = {"token": token}
    path = believing.folder / "jane"
    path.write_text(yaml.safe_dump(config))
    code, output, errors = await believing.kubectl("--kubeconfig", str(path), "auth", "whoami")
    assert code == 0, errors
    assert "oidc:jane" in output
    assert "example.com/tenant" in output


async def test_an_issuer_that_is_somebody_else_is_not_believed(issuer: Issuer) -> None:
    path = issuer.keys.ca.cert.parent / "configuration.yaml"
    path.write_text(yaml.safe_dump(configured(issuer)))
    (about,) = configuration.read(path).issuers
    known = issuers.Issuers([about], time.time)
    issuer.named = "https://else.example.com"
    with pytest.raises(ValueError, match="is the configuration of 'https://else"):
        await issuers._fetch(about)
    assert known.user("a.b.c") is None
