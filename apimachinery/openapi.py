"""OpenAPI documents made from the scheme and the models, as bytes on demand.

Neighbours: `apimachinery.scheme` (which paths), `apimachinery.types` (which schemas);
`apiserver.handlers.openapi` serves the bytes. Documents of custom resources come from outside.
"""

from apimachinery.scheme import Scheme


class Documents:
    """All documents of one scheme, each made when first asked for and kept.

    A document is made again when the scheme's generation has changed.
    """

    def __init__(self, scheme: Scheme) -> None:
        self._scheme = scheme

    def index(self) -> bytes:
        """`/openapi/v3`: path of each group version → its URL with a hash."""
        raise NotImplementedError

    def v3(self, path: str) -> bytes | None:
        """`/openapi/v3/<path>`, path is "api/v1" or "apis/apps/v1"; None when unknown."""
        raise NotImplementedError

    def v3_hash(self, path: str) -> str:
        """The hash that the index gives for this path: its ETag."""
        raise NotImplementedError

    def v2(self) -> bytes:
        """`/openapi/v2`, all groups in one document."""
        raise NotImplementedError
