"""The examples of docs/testing.md, run as their readers would run them: in a project of their own."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "testing.md"
EXAMPLES = re.findall(
    r"^## ([^\n]+)\n+```python\n(.*?)^```", GUIDE.read_text(), re.MULTILINE | re.DOTALL
)


def test_there_are_three() -> None:
    assert len(EXAMPLES) == 3


@pytest.mark.parametrize("code", [pytest.param(code, id=title) for title, code in EXAMPLES])
def test_example(code: str, tmp_path: Path) -> None:
    (tmp_path / "test_example.py").write_text(code)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_example.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "1 passed" in done.stdout, done.stdout + done.stderr
