"""The file that configures admission: Kubernetes' AdmissionConfiguration.

Each plugin has its configuration in it, or names a file of its own. Neighbour: `podsecurity.
configuration` knows the only kind that there is.
"""

from pathlib import Path

from apimachinery.wire import JsonObject
from apiserver.settings import BadConfiguration, document, only

API_VERSION = "apiserver.config.k8s.io/v1"
KIND = "AdmissionConfiguration"


def read(path: Path) -> dict[str, JsonObject]:
    """The configurations of a file by plugin; raises BadConfiguration."""
    given = document(path)
    if (given.get("apiVersion"), given.get("kind")) != (API_VERSION, KIND):
        raise BadConfiguration(f"{path} must be an {KIND} of {API_VERSION}")
    only(given, KIND, "apiVersion", "kind", "plugins")
    plugins = given.get("plugins") or []
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
        return document(path.parent / str(beside))
    if not isinstance(inside, dict):
        raise BadConfiguration(f"{where}.configuration must be a map")
    return inside
