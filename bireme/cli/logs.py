"""How our processes log: one line an event, key=value, to stderr.

Used by the long-running commands; the supervisor appends stderr to a file per process.
"""

import logging
import sys
import time


class _Formatter(logging.Formatter):
    """`time=… level=… logger=… msg="…"`, with a traceback on lines of its own after it."""

    def format(self, record: logging.LogRecord) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        message = record.getMessage().replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        line = (
            f"time={moment}.{int(record.msecs):03}Z level={record.levelname.lower()}"
            f' logger={record.name} msg="{message}"'
        )
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line


def configure(level: int = logging.INFO) -> None:
    """Log to stderr; call once at the start of a process."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter())
    logging.basicConfig(level=level, handlers=[handler], force=True)
