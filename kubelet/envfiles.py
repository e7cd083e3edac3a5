"""Files of variables, written by one container for those after it (`fileKeyRef`). Pure.

One `NAME=value` a line; blank lines and lines that begin with `#` say nothing. A value may stand in
single quotes, where it is taken as it is and may go over several lines. Neighbour: `kubelet.env`
fetches the file and puts the value where it belongs.
"""

import re

_VARIABLE = re.compile(
    r"^[ \t]*(?P<name>[^\s=#'][^=\n]*?)[ \t]*=[ \t]*(?:'(?P<quoted>[^']*)'[ \t]*(?:#.*)?|(?P<plain>[^\n]*))$",
    re.MULTILINE,
)
FILE_MAX = 64 << 10
"""Bytes of such a file (Kubernetes' number)."""


def parse(text: str) -> dict[str, str]:
    """Values by name; of a name that comes twice the last."""
    return {
        found["name"]: found["plain"].strip() if found["quoted"] is None else found["quoted"]
        for found in _VARIABLE.finditer(text)
    }
