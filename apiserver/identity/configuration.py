"""Kubernetes' AuthenticationConfiguration: issuers of tokens, and what strangers may ask.

Neighbours: `claims` and `issuers` do what stands in it, `apiserver.settings` opens the file. Pure.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from apimachinery.wire import JsonObject
from apiserver.identity import claims
from apiserver.identity.claims import Mapping, Rule, Source
from apiserver.identity.tokens import ISSUER
from apiserver.settings import BadConfiguration, document, only

API_VERSIONS = tuple(f"apiserver.config.k8s.io/{one}" for one in ("v1", "v1beta1"))
KIND = "AuthenticationConfiguration"
MAX_ISSUERS = 64
"""As in Kubernetes."""


@dataclass(frozen=True, slots=True)
class Issuer:
    """One issuer of tokens that is believed."""

    url: str
    discovery: str
    """Where its configuration is, if not below its own address."""
    authority: str
    """Who vouches for its server, in PEM; empty: whom this machine trusts."""
    audiences: frozenset[str]
    mapping: Mapping


@dataclass(frozen=True, slots=True)
class Configuration:
    """As nobody has said anything: no issuers, and the usual paths for strangers."""

    issuers: tuple[Issuer, ...] = ()
    anonymous: frozenset[str] | None = None
    """The paths that strangers may ask for; None: those that need no rights."""


def read(path: Path) -> Configuration:
    """The configuration in a file; raises BadConfiguration."""
    given = document(path)
    if given.get("apiVersion") not in API_VERSIONS or given.get("kind") != KIND:
        raise BadConfiguration(f"{path} must be an {KIND} of {API_VERSIONS[0]}")
    only(given, KIND, "apiVersion", "kind", "jwt", "anonymous")
    issuers = tuple(_each(given, "jwt", _issuer))
    if len(issuers) > MAX_ISSUERS:
        raise BadConfiguration(f"jwt: there may be {MAX_ISSUERS} issuers at most")
    for kind in ("url", "discovery"):
        told = [getattr(one, kind) for one in issuers if getattr(one, kind)]
        if twice := next((one for one in told if told.count(one) > 1), ""):
            raise BadConfiguration(f"jwt: {twice} is there twice")
    return Configuration(issuers, _anonymous(given))


def _each(given: JsonObject, key: str, read_one: Callable[[JsonObject, str], Any]) -> list[Any]:
    found = given.get(key) or []
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise BadConfiguration(f"{key} must be a list of maps")
    return [read_one(one, f"{key}[{index}]") for index, one in enumerate(found)]


def _part(given: JsonObject, key: str, where: str, *known: str) -> JsonObject:
    found = given.get(key) or {}
    if not isinstance(found, dict):
        raise BadConfiguration(f"{where}.{key} must be a map")
    only(found, f"{where}.{key}", *known)
    return found


def _text(given: JsonObject, key: str, where: str, *, needed: bool = False) -> str:
    found = given.get(key, "")
    if not isinstance(found, str) or (needed and not found):
        raise BadConfiguration(f"{where}.{key} must be a text")
    return found


def _issuer(given: JsonObject, where: str) -> Issuer:
    only(given, where, "issuer", "claimValidationRules", "claimMappings", "userValidationRules")
    issuer = _part(
        given, "issuer", where,
        "url", "discoveryURL", "certificateAuthority", "audiences", "audienceMatchPolicy",
    )  # fmt: skip
    at = f"{where}.issuer"
    url = _https(_text(issuer, "url", at, needed=True), f"{at}.url")
    if url == ISSUER:
        raise BadConfiguration(f"{at}.url: {url} is this server's own")
    discovery = _text(issuer, "discoveryURL", at)
    if discovery and _https(discovery, f"{at}.discoveryURL").rstrip("/") == url.rstrip("/"):
        raise BadConfiguration(f"{at}.discoveryURL must differ from the url")
    mapping = _mapping(given, where)
    authority = _text(issuer, "certificateAuthority", at)
    return Issuer(url, discovery, authority, _audiences(issuer, at), mapping)


def _https(url: str, where: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc:
        raise BadConfiguration(f"{where}: {url!r} must be an https URL")
    if parts.username or parts.query or parts.fragment:
        raise BadConfiguration(f"{where}: {url!r} must have no user, query or fragment")
    return url


def _audiences(issuer: JsonObject, where: str) -> frozenset[str]:
    found = issuer.get("audiences") or []
    if not isinstance(found, list) or not found or not all(isinstance(a, str) and a for a in found):
        raise BadConfiguration(f"{where}.audiences must be a list of texts, one at least")
    policy = _text(issuer, "audienceMatchPolicy", where)
    if policy not in ("", "MatchAny") or (len(found) > 1 and not policy):
        raise BadConfiguration(
            f"{where}.audienceMatchPolicy must be MatchAny for several audiences"
        )
    return frozenset(found)


def _mapping(given: JsonObject, where: str) -> Mapping:
    at = f"{where}.claimMappings"
    found = _part(given, "claimMappings", where, "username", "groups", "uid", "extra")
    username = _source(found, "username", at, prefixed=True)
    if username is None:
        raise BadConfiguration(f"{at}.username needs one of claim and expression")
    mapping = Mapping(
        username,
        _source(found, "groups", at, prefixed=True),
        _source(found, "uid", at, prefixed=False),
        tuple(_each(found, "extra", lambda one, place: _extra(one, f"{at}.{place}"))),
        tuple(_each(given, "claimValidationRules", lambda one, p: _rule(one, f"{where}.{p}"))),
        tuple(_each(given, "userValidationRules", lambda one, p: _user_rule(one, f"{where}.{p}"))),
    )
    sources = [one for one in (mapping.username, mapping.groups, mapping.uid) if one is not None]
    texts = [
        *((one.expression, "claims") for one in sources),
        *((one.expression, "claims") for one in mapping.claim_rules),
        *((expression, "claims") for _, expression in mapping.extra),
        *((one.expression, "user") for one in mapping.user_rules),
    ]
    used = [one for one in texts if one[0]]
    if used and (problem := claims.problems_of(used)):
        raise BadConfiguration(f"{where}: {problem}")
    return mapping


def _source(given: JsonObject, key: str, where: str, *, prefixed: bool) -> Source | None:
    at = f"{where}.{key}"
    found = _part(given, key, where, "claim", "expression", *(("prefix",) if prefixed else ()))
    if not found:
        return None
    claim, expression = _text(found, "claim", at), _text(found, "expression", at)
    if bool(claim) == bool(expression):
        raise BadConfiguration(f"{at} needs one of claim and expression")
    if prefixed and (("prefix" in found) != bool(claim)):
        raise BadConfiguration(
            f"{at}.prefix must be there with a claim (it may be empty), only then"
        )
    return Source(claim, _text(found, "prefix", at), expression)


def _extra(given: JsonObject, where: str) -> tuple[str, str]:
    only(given, where, "key", "valueExpression")
    key = _text(given, "key", where, needed=True)
    domain, slash, rest = key.partition("/")
    if not slash or not rest or "." not in domain or key != key.lower():
        raise BadConfiguration(f"{where}.key: {key!r} must be lower case, below a domain")
    return key, _text(given, "valueExpression", where, needed=True)


def _rule(given: JsonObject, where: str) -> Rule:
    only(given, where, "claim", "requiredValue", "expression", "message")
    claim, expression = _text(given, "claim", where), _text(given, "expression", where)
    if bool(claim) == bool(expression):
        raise BadConfiguration(f"{where} needs one of claim and expression")
    return Rule(
        claim, _text(given, "requiredValue", where), expression, _text(given, "message", where)
    )


def _user_rule(given: JsonObject, where: str) -> Rule:
    only(given, where, "expression", "message")
    expression = _text(given, "expression", where, needed=True)
    return Rule(expression=expression, message=_text(given, "message", where))


def _anonymous(given: JsonObject) -> frozenset[str] | None:
    found = _part(given, "anonymous", KIND, "enabled", "conditions")
    if not found:
        return None
    paths = frozenset(
        _each(found, "conditions", lambda one, at: _text(one, "path", at, needed=True))
    )
    if found.get("enabled") is False and not paths:
        return frozenset()
    if found.get("enabled") is not True or not paths:
        # Without conditions strangers would be let through to RBAC for everything.
        raise BadConfiguration("anonymous: enabled needs conditions, disabled takes none")
    return paths
