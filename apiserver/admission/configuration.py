"""The file that configures admission: Kubernetes' AdmissionConfiguration.

Each plugin has its configuration in it, or names a file of its own. Neighbours: `podsecurity.
configuration` knows the only kind that there is; `bireme.cli` hands the path over.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apimachinery.wire import JsonObject

API_VERSION = "apiserver.config.k8s.io/v1"
KIND = "AdmissionConfiguration"


class BadConfiguration(ValueError):  # noqa: N818  what is wrong, as one sentence
    """The file cannot be used."""


def only(given: Mapping[str, Any], what: str, *known: str) -> None:
    """Refuse fields that would have no effect: whoever wrote them believes otherwise."""
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise BadConfiguration(f"{what} has no field {unknown[0]!r}")


def read(path: Path) -> dict[str, JsonObject]:
    """The configurations of a file by plugin; raises BadConfiguration."""
    document = _document(path)
    if (document.get("apiVersion"), document.get("kind")) != (API_VERSION, KIND):
        raise BadConfiguration(f"{path} must be an {KIND} of {API_VERSION}")
    only(document, KIND, "apiVersion", "kind", "plugins")
    plugins = document.get("plugins") or []
    if not isinstance(plugins, list) or not all(isinstance(one, dict) for one in plugins):
        raise BadConfiguration("plugins must be a list of maps")
    found: dict[str, JsonObject] = {}
    for index, plugin in enumerate(plugins):
        where = f"plugins[{index}]"
        only(plugin, where, "name", "configuration", "path")
        name = plugin.get("name")
        if not isinstance(name, str) or not name:
            raise BadConfiguration(f"{where} needs a name")
        if name in found:
            raise BadConfiguration(f"{where}: {name} is there twice")
        found[name] = _configuration(plugin, where, path)
    return found


def _configuration(plugin: JsonObject, where: str, path: Path) -> JsonObject:
    inside, beside = plugin.get("configuration"), plugin.get("path")
    if (inside is None) == (not beside):
        raise BadConfiguration(f"{where} needs one of configuration and path")
    if inside is None:
        return _document(path.parent / str(beside))
    if not isinstance(inside, dict):
        raise BadConfiguration(f"{where}.configuration must be a map")
    return inside


def _document(path: Path) -> JsonObject:
    import yaml  # a third of a start, for a file that few have

    try:
        found = yaml.safe_load(path.read_bytes())
    except OSError as error:
        raise BadConfiguration(f"{path} cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        told = " ".join(str(error).split())
        raise BadConfiguration(f"{path} is no YAML ({told})") from error
    if not isinstance(found, dict):
        raise BadConfiguration(f"{path} must hold one object")
    return found
