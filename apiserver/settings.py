"""Files with which a server is configured: Kubernetes' own kinds, in YAML.

Neighbours: `apiserver.admission.configuration` and `apiserver.identity.configuration` know what stands
in them; `bireme.cli` hands the paths over.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apimachinery.wire import JsonObject


class BadConfiguration(ValueError):  # noqa: N818  what is wrong, as one sentence
    """The file cannot be used."""


def only(given: Mapping[str, Any], what: str, *known: str) -> None:
    """Refuse fields that would have no effect: whoever wrote them believes otherwise."""
    unknown = sorted(str(key) for key in given if key not in known)
    if unknown:
        raise BadConfiguration(f"{what} has no field {unknown[0]!r}")


def document(path: Path) -> JsonObject:
    """The one object in a file; raises BadConfiguration."""
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
