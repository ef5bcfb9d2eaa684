"""What is shipped beside the code is true: the lock, the settings' page, the links of the documentation."""

import itertools
import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import settings_page

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
LOCK = (ROOT / "requirements.lock").read_text()
PINNED = dict(re.findall(r"^([a-z0-9._-]+)==(\S+)", LOCK, re.MULTILINE))
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("dependency", DEPENDENCIES)
def test_the_lock_satisfies_the_project(dependency: str) -> None:
    wanted = Requirement(dependency)
    pinned = PINNED.get(canonicalize_name(wanted.name))
    assert pinned is not None, "run `make lock`"
    assert wanted.specifier.contains(pinned), "run `make lock`"


def test_the_lock_has_hashes_and_names_no_machine() -> None:
    for block in re.split(r"^(?=[a-z0-9])", LOCK, flags=re.MULTILINE)[1:]:
        assert "--hash=sha256:" in block, block.splitlines()[0]
    assert not re.search(r"://|--index|--find-links|--trusted|file:/|^-e|\s/\w", LOCK, re.MULTILINE)


def test_every_dependency_says_what_it_is_for() -> None:
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    listed = [(before, line) for before, line in itertools.pairwise(lines) if line.startswith('    "')]
    for dependency in PROJECT["dependencies"]:
        [before] = [before for before, line in listed if f'"{dependency}"' in line]
        assert before.strip().startswith("#"), dependency


def test_the_page_of_settings_is_current() -> None:
    assert settings_page.PAGE.read_text() == settings_page.page(), "run `make docs`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#\s]+)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            assert (page.parent / target).exists(), target


@pytest.mark.parametrize("script", [".ci/run", "tools/browser"])
def test_scripts_can_be_run(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o100
    subprocess.run(["bash", "-n", ROOT / script], check=True)


def test_no_file_is_larger_than_it_should_be() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    for name in filter(None, listed.stdout.split("\0")):
        assert not (ROOT / name).exists() or (ROOT / name).stat().st_size < 1 << 20, name
