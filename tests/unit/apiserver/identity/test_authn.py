"""Who is recognized, who is not, and who may speak as another."""

import base64
from pathlib import Path

import pytest
from multidict import CIMultiDict

from apimachinery import scheme, status, wire
from apiserver import attributes
from apiserver.identity import authn

NOW = 1_800_000_000.0
TOKEN = "abcdef.0123456789abcdef"


class Objects:
    def __init__(self, **secrets: wire.JsonObject) -> None:
        self.secrets = secrets

    def object(
        self, resource: scheme.Resource, namespace: str, name: str
    ) -> wire.JsonObject | None:
        assert (resource.plural, namespace) == ("secrets", "kube-system")
        return self.secrets.get(name.removeprefix("bootstrap-token-"))


class Only:
    """Allows these (verb, resource, name) and nothing else."""

    def __init__(self, *allowed: tuple[str, str, str]) -> None:
        self.allowed = allowed

    def authorize(self, asked: attributes.Attributes) -> attributes.Decision:
        return attributes.Decision((asked.verb, asked.resource, asked.name) in self.allowed)

    def rules(self, user: wire.UserInfo, namespace: str) -> list[wire.JsonObject]:
        return []


def secret(**changes: str) -> wire.JsonObject:
    data = {
        "token-id": "abcdef",
        "token-secret": "0123456789abcdef",
        "usage-bootstrap-authentication": "true",
        "auth-extra-groups": "system:bootstrappers:workers",
    } | changes
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    return {
        "metadata": {"name": "bootstrap-token-abcdef"},
        "type": "bootstrap.kubernetes.io/token",
        "data": encoded,
    }


def authenticator(
    objects: Objects | None = None, authorizer: Only | None = None, **static: wire.UserInfo
) -> authn.Authenticator:
    return authn.Authenticator(
        objects or Objects(), authorizer or Only(), lambda: NOW, static=authn.digests(static)
    )


def request(path: str = "/api/v1/pods", **headers: str) -> wire.Request:
    named = [(key.replace("_", "-"), value) for key, value in headers.items()]
    return wire.Request("GET", path, headers=CIMultiDict(named))


def test_certificate_names_user_and_groups() -> None:
    certificate = {
        "subject": (
            (("organizationName", "a"),),
            (("organizationName", "b"),),
            (("commonName", "jane"),),
        )
    }
    user = authn.certificate_user(certificate)
    assert user == wire.UserInfo("jane", groups=("a", "b", "system:authenticated"))


def test_certificate_without_a_name_is_nobody() -> None:
    assert authn.certificate_user({"subject": ((("organizationName", "a"),),)}) is None


def test_static_token() -> None:
    found = authenticator(secret=wire.UserInfo("u", groups=("g",))).authenticate(
        request(authorization="Bearer secret"), None
    )
    assert found == wire.UserInfo("u", groups=("g", "system:authenticated"))


def test_wrong_token_is_unauthorized_even_for_public_paths() -> None:
    with pytest.raises(status.Unauthorized):
        authenticator().authenticate(request("/version", authorization="Bearer no"), None)


@pytest.mark.parametrize("path", ["/version", "/healthz", "/livez", "/readyz", "/readyz/ping"])
def test_strangers_may_ask_for_health_and_version(path: str) -> None:
    assert authenticator().authenticate(request(path), None) == authn.ANONYMOUS


@pytest.mark.parametrize("path", ["/api", "/metrics", "/api/v1/pods", "/openid/v1/jwks"])
def test_strangers_may_ask_for_nothing_else(path: str) -> None:
    with pytest.raises(status.Unauthorized):
        authenticator().authenticate(request(path), None)


def test_bootstrap_token() -> None:
    found = authenticator(Objects(abcdef=secret())).authenticate(
        request(authorization=f"Bearer {TOKEN}"), None
    )
    assert found.name == "system:bootstrap:abcdef"
    assert found.groups == (
        "system:bootstrappers",
        "system:bootstrappers:workers",
        "system:authenticated",
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"token-secret": "fedcba9876543210"},
        {"usage-bootstrap-authentication": "false"},
        {"expiration": "2020-01-01T00:00:00Z"},
        {"expiration": "some day"},
        {"token-id": "ffffff"},
    ],
)
def test_bad_bootstrap_token_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(status.Unauthorized):
        authenticator(Objects(abcdef=secret(**changes))).authenticate(
            request(authorization=f"Bearer {TOKEN}"), None
        )


def test_bootstrap_token_cannot_name_other_groups() -> None:
    changed = secret(**{"auth-extra-groups": "system:masters,system:bootstrappers:ok"})
    found = authenticator(Objects(abcdef=changed)).review(TOKEN)
    assert found is not None
    assert "system:masters" not in found.user.groups


def test_impersonation_needs_permission() -> None:
    with pytest.raises(status.Forbidden, match="cannot impersonate-on:user-info:get path"):
        authenticator(t=wire.UserInfo("u")).authenticate(
            request(authorization="Bearer t", impersonate_user="jane"), None
        )


def test_impersonation() -> None:
    allowed = Only(("impersonate", "users", "jane"), ("impersonate", "groups", "devs"))
    found = authenticator(authorizer=allowed, t=wire.UserInfo("u")).authenticate(
        request(authorization="Bearer t", impersonate_user="jane", impersonate_group="devs"), None
    )
    assert found == wire.UserInfo("jane", groups=("devs", "system:authenticated"))


def test_every_impersonated_group_needs_permission() -> None:
    allowed = Only(("impersonate", "users", "jane"), ("impersonate", "groups", "devs"))
    headers = CIMultiDict(
        [
            ("authorization", "Bearer t"),
            ("impersonate-user", "jane"),
            ("impersonate-group", "devs"),
            ("impersonate-group", "system:masters"),
        ]
    )
    with pytest.raises(status.Forbidden, match="cannot impersonate"):
        authenticator(authorizer=allowed, t=wire.UserInfo("u")).authenticate(
            wire.Request("GET", "/api", headers=headers), None
        )


def test_impersonated_account_has_its_groups() -> None:
    name = "system:serviceaccount:ns:robot"
    allowed = Only(("impersonate", "serviceaccounts", "robot"))
    found = authenticator(authorizer=allowed, t=wire.UserInfo("u")).authenticate(
        request(authorization="Bearer t", impersonate_user=name), None
    )
    assert "system:serviceaccounts:ns" in found.groups


def test_token_file(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text('tok1,jane,1,"a,b"\ntok2,joe,2\n')
    found = authn.read_token_file(path)
    assert [(one.user.name, one.user.uid, one.user.groups) for one in found.values()] == [
        ("jane", "1", ("a", "b", "system:authenticated")),
        ("joe", "2", ("system:authenticated",)),
    ]


def test_bad_token_file_names_the_line(tmp_path: Path) -> None:
    path = tmp_path / "tokens.csv"
    path.write_text("tok1,jane,1\nbroken\n")
    with pytest.raises(ValueError, match=r"tokens.csv:2: expected"):
        authn.read_token_file(path)
