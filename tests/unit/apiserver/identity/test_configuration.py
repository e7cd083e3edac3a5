"""AuthenticationConfiguration: what is read, and what is refused in which words."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from apiserver.identity import claims, configuration
from apiserver.identity.claims import Mapping, Rule, Source
from apiserver.settings import BadConfiguration

ISSUER = {"url": "https://issuer.example.com", "audiences": ["a"]}
USERNAME = {"claimMappings": {"username": {"claim": "sub", "prefix": ""}}}


def written(folder: Path, given: Any) -> Path:
    head = {"apiVersion": "apiserver.config.k8s.io/v1", "kind": "AuthenticationConfiguration"}
    path = folder / "file.yaml"
    path.write_text(yaml.safe_dump({**head, **given}))
    return path


def one(issuer: Any = None, **more: Any) -> dict[str, Any]:
    return {"jwt": [{"issuer": {**ISSUER, **(issuer or {})}, **USERNAME, **more}]}


def mapped(**mappings: Any) -> dict[str, Any]:
    return one(claimMappings={**USERNAME["claimMappings"], **mappings})


def test_a_short_one(tmp_path: Path) -> None:
    (issuer,) = configuration.read(written(tmp_path, one())).issuers
    assert (issuer.url, issuer.audiences) == ("https://issuer.example.com", frozenset({"a"}))
    assert issuer.mapping == Mapping(Source(claim="sub"))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"kind": "Else"}, "must be an AuthenticationConfiguration of apiserver.config.k8s.io/v1"),
        ({"apiVersion": "v1"}, "must be an AuthenticationConfiguration"),
        ({"jwts": []}, "AuthenticationConfiguration has no field 'jwts'"),
        ({"jwt": "x"}, "jwt must be a list of maps"),
        (one({"url": "http://a"}), r"jwt\[0\].issuer.url: 'http://a' must be an https URL"),
        (one({"url": "https://a?b"}), "must have no user, query or fragment"),
        (one({"url": "https://kubernetes.default.svc"}), "is this server's own"),
        (one({"discoveryURL": "https://issuer.example.com/"}), "must differ from the url"),
        (one({"audiences": []}), "audiences must be a list of texts, one at least"),
        (one({"audiences": ["a", "b"]}), "audienceMatchPolicy must be MatchAny"),
        (one({"audience": "a"}), r"jwt\[0\].issuer has no field 'audience'"),
        ({"jwt": [{"issuer": ISSUER}]}, "username needs one of claim and expression"),
        ({"jwt": [*one()["jwt"], *one()["jwt"]]}, "https://issuer.example.com is there twice"),
        (mapped(username={"claim": "sub"}), "username.prefix must be there with a claim"),
        (mapped(username={"claim": "sub", "expression": "claims.sub"}), "needs one of claim and"),
        (mapped(groups={"expression": "claims.g", "prefix": "x"}), "groups.prefix must be there"),
        (mapped(uid={"claim": "a", "prefix": ""}), "uid has no field 'prefix'"),
        (mapped(groups={"expression": "claims."}), r"jwt\[0\]: 'claims.': compilation failed"),
        (
            mapped(extra=[{"key": "x", "valueExpression": "1"}]),
            "must be lower case, below a domain",
        ),
        (
            one(claimValidationRules=[{"claim": "a", "expression": "true"}]),
            "needs one of claim and",
        ),
        (one(userValidationRules=[{"expression": "claims.x"}]), "compilation failed"),
        ({"anonymous": {"enabled": True}}, "enabled needs conditions"),
        ({"anonymous": {"enabled": False, "conditions": [{"path": "/a"}]}}, "disabled takes none"),
    ],
)
def test_what_makes_no_sense(tmp_path: Path, given: Any, told: str) -> None:
    with pytest.raises(BadConfiguration, match=told):
        configuration.read(written(tmp_path, given))


def test_what_strangers_may_ask(tmp_path: Path) -> None:
    assert configuration.read(written(tmp_path, {})).anonymous is None
    given: Any = {"anonymous": {"enabled": False}}
    assert configuration.read(written(tmp_path, given)).anonymous == frozenset()
    given = {"anonymous": {"enabled": True, "conditions": [{"path": "/livez"}]}}
    assert configuration.read(written(tmp_path, given)).anonymous == frozenset({"/livez"})


@pytest.mark.parametrize(
    ("found", "mapping", "problem"),
    [
        ({"email": "a@b", "email_verified": False}, Mapping(Source("email")), "is not verified"),
        ({"sub": ""}, Mapping(Source("sub")), "no username"),
        ({"sub": ["a", "b"]}, Mapping(Source("sub")), "no username"),
        ({"sub": 1}, Mapping(Source("sub")), "what should be a text is none"),
        ({"sub": "a"}, Mapping(Source(expression="claims.x")), "no such key: x"),
        ({"sub": "a"}, Mapping(Source("sub"), user_rules=(Rule(expression="user.uid != ''"),)),
         "does not hold"),
    ],
)  # fmt: skip
def test_claims_that_make_no_user(found: Any, mapping: Mapping, problem: str) -> None:
    with pytest.raises(claims.Unfit, match=problem):
        claims.user_of(found, mapping)


def test_an_email_is_a_username_unless_it_is_said_not_to_be_verified() -> None:
    mapping = Mapping(Source("email", "x:"), Source(expression="claims.?g.orValue([])"))
    assert claims.user_of({"email": "a@b"}, mapping).name == "x:a@b"
    found = claims.user_of({"email": "a@b", "email_verified": True, "g": ["c", ""]}, mapping)
    assert (found.name, found.groups) == ("x:a@b", ("c",))
