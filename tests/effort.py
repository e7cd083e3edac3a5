"""How hard the drawn tests try: BIREME_EFFORT=30 draws thirty times as many examples as CI does."""

import os

EFFORT = int(os.environ.get("BIREME_EFFORT", "1"))


def examples(count: int) -> int:
    """So many on an ordinary run."""
    return count * EFFORT
