"""Regular expressions of schemas: RE2's syntax, and its promise of linear time.

Definitions of Kubernetes write RE2 (Go's). Python's own engine differs in corners (`$` before a
last newline, POSIX classes) and takes exponential time on some patterns, which would stop the
server: so the RE2 library it is, loaded when the first pattern comes.
"""

from collections.abc import Callable
from functools import lru_cache

MATCHERS_KEPT = 4096
"""Compiled patterns; the same few are repeated through the versions of a definition."""


def problem(pattern: str) -> str:
    """Why it is no regular expression; empty where it is one."""
    import re2

    try:
        re2.compile(pattern, _options())
    except re2.error as error:
        text = error.args[0]
        return text.decode() if isinstance(text, bytes) else str(text)
    return ""


@lru_cache(maxsize=MATCHERS_KEPT)
def matcher(pattern: str) -> Callable[[str], bool]:
    """Whether a text has the pattern somewhere; a pattern that is none is had by everything."""
    import re2

    if problem(pattern):
        return _anything
    search = re2.compile(pattern, _options()).search
    return lambda text: search(text) is not None


def _anything(text: str) -> bool:
    del text
    return True


def _options() -> object:
    import re2

    options = re2.Options()
    options.log_errors = False
    return options
