"""What PodSecurity can be told by a file: levels where a namespace says nothing, and who is exempt.

Kubernetes' PodSecurityConfiguration. Neighbours: `apiserver.admission.configuration` reads the file,
`plugin` obeys. Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from apimachinery import names
from apimachinery.wire import JsonObject
from apiserver.admission.podsecurity import levels
from apiserver.admission.podsecurity.levels import LEVELS, MODES, Level, Policy
from apiserver.settings import BadConfiguration, only

API_VERSION = "pod-security.admission.config.k8s.io/v1"
KIND = "PodSecurityConfiguration"


@dataclass(frozen=True, slots=True)
class Configuration:
    """As nobody has said anything: no level, no exemption."""

    defaults: Policy = field(default_factory=Policy)
    usernames: frozenset[str] = frozenset()
    runtime_classes: frozenset[str] = frozenset()
    namespaces: frozenset[str] = frozenset()


def read(given: JsonObject) -> Configuration:
    """The configuration in a file; raises BadConfiguration."""
    only(given, KIND, "apiVersion", "kind", "defaults", "exemptions")
    if (given.get("apiVersion"), given.get("kind")) != (API_VERSION, KIND):
        raise BadConfiguration(
            f"the configuration of PodSecurity must be a {KIND} of {API_VERSION}"
        )
    exempt = _object(given, "exemptions")
    only(exempt, "exemptions", "usernames", "runtimeClasses", "namespaces")
    return Configuration(
        defaults=_defaults(_object(given, "defaults")),
        usernames=_exempt(exempt, "usernames"),
        runtime_classes=_exempt(exempt, "runtimeClasses"),
        namespaces=_exempt(exempt, "namespaces"),
    )


def _object(given: JsonObject, key: str) -> JsonObject:
    found = given.get(key) or {}
    if not isinstance(found, dict):
        raise BadConfiguration(f"{key} must be a map")
    return found


def _defaults(given: JsonObject) -> Policy:
    only(given, "defaults", *MODES, *(f"{mode}-version" for mode in MODES))
    return Policy(*(_level(given, mode) for mode in MODES))


def _level(given: Mapping[str, Any], mode: str) -> Level:
    name = given.get(mode, Level().name)
    version = given.get(f"{mode}-version", Level().version)
    if name not in LEVELS:
        raise BadConfiguration(f"defaults.{mode}: {name!r} must be one of {', '.join(LEVELS)}")
    if not isinstance(version, str) or not levels.is_version(version):
        raise BadConfiguration(f'defaults.{mode}-version: {version!r} must be "latest" or "v1.x"')
    return Level(name, version)


def _exempt(given: JsonObject, key: str) -> frozenset[str]:
    found = given.get(key) or []
    where = f"exemptions.{key}"
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        raise BadConfiguration(f"{where} must be a list of texts")
    for index, one in enumerate(found):
        problem = _problem(key, one) or ("is there twice" if one in found[:index] else "")
        if problem:
            raise BadConfiguration(f"{where}[{index}]: {one!r} {problem}")
    return frozenset(found)


def _problem(key: str, name: str) -> str:
    if key == "usernames":
        return "" if name else "must not be empty"
    check = names.dns1123_label if key == "namespaces" else names.dns1123_subdomain
    problems = check(name)
    return f"is no name: {problems[0]}" if problems else ""
