"""What an answer warns of, whether it is a success or a refusal: its `Warning` header. Pure.

Handlers and admission append to the request's `warnings`. Neighbours: `apiserver.server` and
`apiserver.streaming` put them into the answer.
"""

from apimachinery import status, wire

MAX_WARNINGS = 16
"""Warning headers in one answer; a body full of typos would fill the header otherwise."""

MAX_WARNING = 256
"""Characters of one warning where all together are too long, as Kubernetes cuts them."""

MAX_ALL_WARNINGS = 4096
"""Characters of all warnings; clients and proxies have little room for headers."""


def put(response: wire.Response, warnings: list[str]) -> wire.Response:
    """The same answer, with each warning once."""
    response.headers.update(of(warnings))
    return response


def of(warnings: list[str]) -> dict[str, str]:
    """The header with each warning once; nothing where there are none."""
    texts = list(dict.fromkeys(warnings))[:MAX_WARNINGS]
    if sum(map(len, texts)) > MAX_ALL_WARNINGS:
        texts = [text[:MAX_WARNING] for text in texts]
    if not texts:
        return {}
    return {"Warning": ", ".join(f"299 - {status.quote(text)}" for text in texts)}
