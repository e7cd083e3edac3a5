"""House rules that no linter knows. Each failure says what to do and why."""

import ast
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = (
    "bireme", "scheduler", "frameworks", "apiserver", "controllers", "offers", "kubelet",
    "apimachinery", "manifests",
)  # fmt: skip
FILE_LINES_MAX = 600
"""A room that holds more than one person: split by noun."""
FUNCTION_LINES_MAX = 70
"""What fits on a screen can be held in mind."""
# What these import in turn is checked by the contracts in pyproject.toml, by name; here new files of
# a kind are pure before anybody has listed them.
PURE = (
    r"apimachinery/[a-z0-9_]+\.py",
    r"apimachinery/(types|patch|defaults|validation|tables|schema|openapi)/.*",
    r"controllers/.*/plan\.py", r"controllers/(history|services)\.py", r"offers/(resources|roles|sorter|filters|allocator|ledger)\.py",
    r"scheduler/(placement|preemption)\.py", r"scheduler/(filters|scores)/.*",
    r"frameworks/marathon/(?!(bus|checks|engine|journal|service|session)\.py)[a-z_]+\.py",
    r"kubelet/(desired|lifecycle|observed|standing)\.py", r"kubelet/network/rules\.py",
)  # fmt: skip
IMPURE = {"asyncio", "aiohttp", "time", "random", "secrets", "uuid"}


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from sorted((ROOT / package).rglob("*.py"))


def relative(path: Path) -> str:
    return str(path.relative_to(ROOT))


TREES = {relative(path): ast.parse(path.read_text()) for path in sources()}


def functions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def test_every_module_says_what_it_is() -> None:
    silent = [name for name, tree in TREES.items() if not ast.get_docstring(tree)]
    assert not silent, "open with a docstring: what it is, its neighbours, what it does not do"


def test_no_file_holds_two_people() -> None:
    long = {
        relative(path): count
        for path in sources()
        if (count := len(path.read_text().splitlines())) > FILE_LINES_MAX
    }
    assert not long, f"split by noun: {long}"


def test_functions_fit_on_a_screen() -> None:
    long = {
        f"{name}:{node.lineno} {node.name}": lines
        for name, tree in TREES.items()
        for node in functions(tree)
        if (lines := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    }
    assert not long, f"split by phase, each phase a helper: {long}"


def test_decision_modules_are_pure() -> None:
    impure = []
    for name, tree in TREES.items():
        if not any(re.fullmatch(pattern, name) for pattern in PURE):
            continue
        for node in ast.walk(tree):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            impure += [f"{name}: {n}" for n in names if n.split(".")[0] in IMPURE]
    assert not impure, "decision modules take clock and seed as arguments"


CONFORMANCE_MAPS = sorted((ROOT / "docs/conformance").glob("[!R]*.md"))
NAMED_TEST = re.compile(r"`(?:tests/)?(?:([\w/]+\.py)(?:::)?)?(test_\w+)?(?:\[[^`]*\])?`")
"""In backticks: a file below tests/, a test, or both as pytest writes them."""


@pytest.fixture(scope="module")
def tests_of_file() -> dict[str, set[str]]:
    """Of each file below tests/ the names of its tests."""
    folder = ROOT / "tests"
    return {
        str(path.relative_to(folder)): {
            function.name
            for function in functions(ast.parse(path.read_text()))
            if function.name.startswith("test_")
        }
        for path in folder.rglob("*.py")
    }


@pytest.mark.parametrize(
    "document", [ROOT / "docs/mesos-cases.md", *CONFORMANCE_MAPS], ids=lambda path: path.stem
)
def test_maps_of_cases_name_tests_that_exist(
    document: Path, tests_of_file: dict[str, set[str]]
) -> None:
    """Whoever renames a test mends the rows that point at it."""
    everywhere = set().union(*tests_of_file.values())
    for file, test in NAMED_TEST.findall(document.read_text()):
        assert not file or file in tests_of_file, f"{document.name}: no file tests/{file}"
        known = tests_of_file[file] if file else everywhere
        assert not test or test in known, f"{document.name}: no {test} in {file or 'tests/'}"


@pytest.mark.parametrize("document", CONFORMANCE_MAPS, ids=lambda path: path.stem)
def test_each_conformance_case_has_an_answer(document: Path) -> None:
    rows = [line for line in document.read_text().splitlines() if line.startswith("|")][2:]
    for row in rows:
        case, *_, answer = row.strip("|").split("|")
        assert "::test_" in answer or "not: " in answer, f"{document.name}: {case}: no test, no why"


@pytest.mark.parametrize("name", TREES)
def test_no_leftover_marks(name: str) -> None:
    with tokenize.open(ROOT / name) as file:
        for token in tokenize.generate_tokens(file.readline):
            if token.type != tokenize.COMMENT:
                continue
            assert not re.search(r"\b(TODO|FIXME|XXX|HACK)\b", token.string), (
                f"{name}:{token.start[0]}: finish it, or file an issue"
            )
            if re.search(r"#\s*(type: ignore|noqa)", token.string):
                assert re.search(r"(ignore\[[\w,-]+\]|noqa: [A-Z0-9, ]+)\s+\S", token.string), (
                    f"{name}:{token.start[0]}: name the code and say why, after two spaces"
                )


def test_no_bare_sleep_polling() -> None:
    """A loop that sleeps and looks again costs with time, not with change."""
    found = []
    for name, tree in TREES.items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and node.attr == "sleep":
                value = node.value
                if isinstance(value, ast.Name) and value.id == "time":
                    found.append(f"{name}:{node.lineno}")
    assert not found, f"wait for an event instead: {found}"


def test_locks_name_no_index() -> None:
    for lock in ROOT.glob("requirements*.lock"):
        text = lock.read_text()
        assert "://" not in text, f"{lock.name}: any mirror must serve"
        assert "--hash=sha256:" in text
