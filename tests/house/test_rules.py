"""The house rules that neither ruff nor mypy knows."""

import ast
import functools
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = sorted((ROOT / "polus").rglob("*.py"))
EVERYTHING = [*PACKAGE, *sorted((ROOT / "tests").rglob("*.py"))]

MOST_LINES = 400
MOST_LINES_OF_TESTS = 600
MOST_LINES_OF_A_FUNCTION = 60
BANNED = re.compile(r"manager|service|helper|util|handler|processor|impl(?:$|_)|(?:^|_)do_", re.I)
SQL = re.compile(
    r"^\s*(?:select\s|insert\s+into\s|update\s+\w+\s+set\s|delete\s+from\s|with\s+\w+\s+as\s*\()"
    r"|\s(?:order by|group by|left join|inner join)\s",
    re.I,
)
# Words that the standard library or the wire calls so.
THEIR_WORDS = frozenset(("add_signal_handler", "__impl__"))


@functools.cache
def tree(file: Path) -> ast.Module:
    """The parsed file, each node knowing where it stands."""
    return ast.parse(file.read_text(), str(file))


@functools.cache
def nodes(file: Path) -> list[ast.AST]:
    """All of it, flat."""
    return list(ast.walk(tree(file)))


def functions(file: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """All functions and methods of a file."""
    for node in nodes(file):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node


def place(file: Path, node: ast.AST) -> str:
    """`polus/api/app.py:12`."""
    return f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}"


def test_files_are_short() -> None:
    for files, most in ((PACKAGE, MOST_LINES), (EVERYTHING, MOST_LINES_OF_TESTS)):
        assert {str(file.relative_to(ROOT)): _lines(file) for file in files if _lines(file) > most} == {}


def _lines(file: Path) -> int:
    return len(file.read_text().splitlines())


def test_functions_are_short() -> None:
    long = {
        place(file, function): lines
        for file in PACKAGE
        for function in functions(file)
        if (lines := (function.end_lineno or 0) - function.lineno + 1) > MOST_LINES_OF_A_FUNCTION
        # The declaration of an operation is a list of words, not steps.
        and function.name != "operation"
    }
    assert long == {}


@pytest.mark.thorough
def test_modules_say_what_they_are_for() -> None:
    silent = []
    for file in EVERYTHING:
        if file.name == "__init__.py":
            continue
        text = ast.get_docstring(tree(file))
        if not text or len(text.splitlines()) > 5:
            silent.append(str(file.relative_to(ROOT)))
    assert silent == []


def test_packages_hold_nothing_in_their_init() -> None:
    full = [
        str(file.relative_to(ROOT))
        for file in EVERYTHING
        if file.name == "__init__.py" and file.read_text().strip()
    ]
    assert full in ([], ["polus/__init__.py"])  # its version


def test_nothing_is_imported_inside_functions() -> None:
    hidden = [
        place(file, node)
        for file in PACKAGE
        if file != ROOT / "polus" / "cli.py"  # `polus --help` would wait for what it does not need
        for function in functions(file)
        for node in ast.walk(function)
        if isinstance(node, (ast.Import, ast.ImportFrom))
    ]
    assert hidden == []


def test_no_sql_is_put_together_in_f_strings() -> None:
    glued = [
        place(file, node)
        for file in PACKAGE
        for node in nodes(file)
        if isinstance(node, ast.JoinedStr)
        and any(isinstance(v, ast.FormattedValue) for v in node.values)
        and SQL.search("".join(v.value for v in node.values if isinstance(v, ast.Constant)))
    ]
    assert glued == []


@pytest.mark.thorough
def test_names_are_nouns_and_verbs_of_the_trade() -> None:
    bad = [str(file.relative_to(ROOT)) for file in PACKAGE if BANNED.search(file.stem)]
    for file in PACKAGE:
        bad += [f"{place(file, node)} {name}" for node, name in _names(file) if BANNED.search(name)]
    assert bad == []


def _names(file: Path) -> Iterator[tuple[ast.AST, str]]:
    for node in nodes(file):
        name = ""
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            name = node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            name = node.id
        elif isinstance(node, ast.arg):
            name = node.arg
        if name and name not in THEIR_WORDS:
            yield node, name


@pytest.mark.thorough
@pytest.mark.parametrize("word", ["TODO", "FIXME", "XXX", "HACK", "for now", "simplified"])
def test_nothing_is_put_off(word: str) -> None:
    pattern = re.compile(r"\b" + word + r"\b", re.I if word.islower() else 0)
    found = [
        f"{file.relative_to(ROOT)}:{token.start[0]}"
        for file in PACKAGE
        for token in _comments(file)
        if pattern.search(token.string)
    ]
    assert found == []


@functools.cache
def _comments(file: Path) -> list[tokenize.TokenInfo]:
    with file.open("rb") as source:
        return [token for token in tokenize.tokenize(source.readline) if token.type == tokenize.COMMENT]


def test_only_doors_open_transactions() -> None:
    """Below the doors everything is handed `work`, or the connection of a periodic task."""
    below = ("base", "store", "lang", "desk")
    opened = [
        place(file, node)
        for file in PACKAGE
        if file.relative_to(ROOT / "polus").parts[0] in below and file.name not in ("work.py", "migrate.py")
        for node in nodes(file)
        # Within `work` a transaction is a savepoint.
        if isinstance(node, ast.Attribute)
        and node.attr == "transaction"
        and ast.unparse(node.value) != "work.db"
    ]
    assert opened == []
