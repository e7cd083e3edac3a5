"""Service account tokens: good for whom and how long, and what they die with."""

import base64
import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from apimachinery import scheme, wire
from apiserver.identity import legacy_tokens, pki
from apiserver.identity.signing import Signer
from apiserver.identity.tokens import ISSUER, ServiceAccountTokens, TokenError

START = 1_800_000_000.0


class World:
    """Objects and a clock."""

    def __init__(self) -> None:
        self.now = START
        self.objects: dict[tuple[str, str, str], wire.JsonObject] = {}
        self.put(scheme.SERVICEACCOUNTS, "ns", "robot", "sa-uid")

    def put(
        self, resource: scheme.Resource, namespace: str, name: str, uid: str, **metadata: Any
    ) -> None:
        obj = {"metadata": {"name": name, "namespace": namespace, "uid": uid, **metadata}}
        self.objects[resource.plural, namespace, name] = obj

    def object(
        self, resource: scheme.Resource, namespace: str, name: str
    ) -> wire.JsonObject | None:
        return self.objects.get((resource.plural, namespace, name))


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pki.Pki(tmp_path_factory.mktemp("keys")).service_account_key()


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def tokens(key: Path, world: World) -> ServiceAccountTokens:
    return ServiceAccountTokens(key, world, lambda: world.now)


def issue(tokens: ServiceAccountTokens, **changes: Any) -> str:
    arguments: dict[str, Any] = {
        "namespace": "ns",
        "service_account": "robot",
        "service_account_uid": "sa-uid",
        "audiences": (),
        "expires_in": 3600,
        "bound": None,
    }
    token, _ = tokens.issue(**arguments | changes)
    return token


def test_token_names_its_account(tokens: ServiceAccountTokens) -> None:
    user = tokens.verify(issue(tokens)).user
    assert user.name == "system:serviceaccount:ns:robot"
    assert user.uid == "sa-uid"
    assert user.groups == ("system:serviceaccounts", "system:serviceaccounts:ns")


def test_bound_token_tells_its_pod(tokens: ServiceAccountTokens, world: World) -> None:
    world.put(scheme.PODS, "ns", "p", "pod-uid")
    bound = {"kind": "Pod", "name": "p", "uid": "pod-uid", "node": "n1"}
    extra = tokens.verify(issue(tokens, bound=bound)).user.extra
    assert extra["authentication.kubernetes.io/pod-name"] == ("p",)
    assert extra["authentication.kubernetes.io/node-name"] == ("n1",)


def test_expired_token_is_refused(tokens: ServiceAccountTokens, world: World) -> None:
    token = issue(tokens)
    tokens.verify(token)
    world.now += 3600
    with pytest.raises(TokenError, match="expired"):
        tokens.verify(token)


def test_token_for_others_is_refused(tokens: ServiceAccountTokens) -> None:
    token = issue(tokens, audiences=("vault",))
    with pytest.raises(TokenError, match="audiences"):
        tokens.verify(token)
    assert tokens.verify(token, ("x", "vault")).audiences == ("vault",)


def test_token_dies_with_its_account(tokens: ServiceAccountTokens, world: World) -> None:
    token = issue(tokens)
    world.objects.clear()
    with pytest.raises(TokenError, match="gone"):
        tokens.verify(token)


def test_new_account_of_the_same_name_is_another(
    tokens: ServiceAccountTokens, world: World
) -> None:
    token = issue(tokens)
    world.put(scheme.SERVICEACCOUNTS, "ns", "robot", "new-uid")
    with pytest.raises(TokenError, match="gone"):
        tokens.verify(token)


def test_token_dies_with_its_pod(tokens: ServiceAccountTokens, world: World) -> None:
    world.put(scheme.PODS, "ns", "p", "pod-uid")
    token = issue(tokens, bound={"kind": "Pod", "name": "p", "uid": "pod-uid"})
    tokens.verify(token)
    del world.objects["pods", "ns", "p"]
    with pytest.raises(TokenError, match="gone"):
        tokens.verify(token)


def test_pod_under_deletion_keeps_its_token_for_its_grace(
    tokens: ServiceAccountTokens, world: World
) -> None:
    world.put(scheme.PODS, "ns", "p", "u", deletionTimestamp="2027-01-15T08:00:00Z")
    token = issue(tokens, bound={"kind": "Pod", "name": "p", "uid": "u"})
    tokens.verify(token)
    world.now += 61
    with pytest.raises(TokenError, match="deleted"):
        tokens.verify(token)


def test_foreign_key_is_refused(tokens: ServiceAccountTokens, world: World, tmp_path: Path) -> None:
    foreign = ServiceAccountTokens(
        pki.Pki(tmp_path).service_account_key(), world, lambda: world.now
    )
    with pytest.raises(TokenError, match=r"[Ss]ignature"):
        tokens.verify(issue(foreign))


def test_unsigned_token_is_refused(tokens: ServiceAccountTokens) -> None:
    claims = jwt.decode(issue(tokens), options={"verify_signature": False})
    with pytest.raises(TokenError):
        tokens.verify(jwt.encode(claims, "", algorithm="none"))


def test_changed_claims_are_refused(tokens: ServiceAccountTokens) -> None:
    head, body, signature = issue(tokens).split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    claims["sub"] = "system:serviceaccount:kube-system:admin"
    forged = base64.urlsafe_b64encode(json.dumps(claims).encode()).rstrip(b"=").decode()
    with pytest.raises(TokenError):
        tokens.verify(f"{head}.{forged}.{signature}")


def test_published_key_verifies(tokens: ServiceAccountTokens) -> None:
    token = issue(tokens)
    key = jwt.PyJWK(tokens.key_set()["keys"][0])
    assert jwt.get_unverified_header(token)["kid"] == key.key_id
    claims = jwt.decode(
        token,
        key.key,
        ["ES256"],
        audience=ISSUER,
        options={"verify_exp": False, "verify_nbf": False, "verify_iat": False},
    )
    assert claims["sub"] == "system:serviceaccount:ns:robot"


def old_token(key: Path, world: World) -> str:
    """A token of the old form, in its Secret."""
    account = world.objects["serviceaccounts", "ns", "robot"]
    secret = {"metadata": {"name": "s", "namespace": "ns"}}
    token = Signer(key).sign(legacy_tokens.claims(account, secret))
    held = base64.b64encode(token.encode()).decode()
    world.objects["secrets", "ns", "s"] = secret | {"data": {"token": held}}
    return token


def test_an_old_token_has_no_end(key: Path, tokens: ServiceAccountTokens, world: World) -> None:
    token = old_token(key, world)
    world.now += 20 * 365 * 86400
    assert tokens.verify(token).user.name == "system:serviceaccount:ns:robot"


def test_an_old_token_must_lie_in_its_secret(
    key: Path, tokens: ServiceAccountTokens, world: World
) -> None:
    token = old_token(key, world)
    world.objects["secrets", "ns", "s"]["data"] = {}
    with pytest.raises(TokenError, match="does not hold"):
        tokens.verify(token)
    del world.objects["secrets", "ns", "s"]
    with pytest.raises(TokenError):
        tokens.verify(token)


def test_an_old_token_dies_with_its_account(
    key: Path, tokens: ServiceAccountTokens, world: World
) -> None:
    token = old_token(key, world)
    world.put(scheme.SERVICEACCOUNTS, "ns", "robot", "another")
    with pytest.raises(TokenError):
        tokens.verify(token)


def test_a_token_of_ours_must_end(key: Path, tokens: ServiceAccountTokens) -> None:
    named = {"namespace": "ns", "serviceaccount": {"name": "robot", "uid": "sa-uid"}}
    claims = {"iss": ISSUER, "sub": "x", "aud": [ISSUER], "kubernetes.io": named}
    with pytest.raises(TokenError, match="how long"):
        tokens.verify(Signer(key).sign(claims))
