"""What this software calls itself, and the Kubernetes version whose API it speaks.

Kept equal to `pyproject.toml` by a test: asking the installed package would cost 10 ms at start.
"""

VERSION = "0.1.0"
"""Ours."""

KUBERNETES_MAJOR = "1"
KUBERNETES_MINOR = "36"

GIT_VERSION = f"v{KUBERNETES_MAJOR}.{KUBERNETES_MINOR}.0+bireme.{VERSION}"
"""What `/version` and nodes report: clients choose their behaviour by it."""
