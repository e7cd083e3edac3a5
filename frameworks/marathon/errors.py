"""What goes wrong with a request, as the API says it.

    ApiError            status and body
    ├── BadRequest      400  the body is no JSON, a parameter no value
    ├── NotFound        404
    ├── Exists          409  the id is taken
    ├── Locked          409  a deployment is at work on it; `force` overrides
    ├── UnsupportedType 415  the body is of another type
    └── Invalid         422  the object breaks rules: where, and which

Raised by the pure modules too; `http.server` turns them into answers.
"""

from collections.abc import Iterable, Mapping

from frameworks.marathon.base import JsonObject


class ApiError(Exception):
    """An answer that is no success."""

    status = 500

    def __init__(self, message: str, **more: object) -> None:
        super().__init__(message)
        self.body: JsonObject = {"message": message, **more}


class BadRequest(ApiError):  # noqa: N818  named after its answer
    """The request can't be read."""

    status = 400


class NotFound(ApiError):  # noqa: N818  named after its answer
    """There is no such thing."""

    status = 404


class Exists(ApiError):  # noqa: N818  named after its answer
    """There is one already."""

    status = 409


class Locked(ApiError):  # noqa: N818  named after its answer
    """Deployments are at work on the apps."""

    status = 409

    def __init__(self, deployments: Iterable[str]) -> None:
        ids = list(deployments)
        super().__init__(
            "App is locked by one or more deployments. Override with the option '?force=true'. "
            f"View details at '/v2/deployments/{ids[0]}'.",
            deployments=[{"id": one} for one in ids],
        )


class UnsupportedType(ApiError):  # noqa: N818  named after its answer
    """The body says that it is something else."""

    status = 415


class Invalid(ApiError):  # noqa: N818  named after its answer
    """The object breaks rules; `problems` are sentences by path."""

    status = 422

    def __init__(self, problems: Mapping[str, Iterable[str]]) -> None:
        details = [{"path": path, "errors": list(said)} for path, said in problems.items()]
        super().__init__("Object is not valid", details=details)
