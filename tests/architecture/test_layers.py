"""The shape of the code, read from its imports: what the domain and the leaves may know, and where settings come from."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
WEB_AND_STORE = {"flask", "flask_smorest", "sqlalchemy", "marshmallow", "webargs", "psycopg"}
ENVIRONMENT = re.compile(r"\bos\.(environb?|getenvb?|putenv)\b|from os import .*\b(environ|getenv)")
# The demo's program is one of the files, so the demo and its data set name it; the rules and the API must not.
DEMO = {"wallet_api/cdnow.py": {"cd-shop"}, "wallet_api/demo": {"cd-shop"}, "wallet_api/cli/run.py": {"cd-shop"}}
# The private PostgreSQL is a child process: its locale is set here, nothing is read.
SETS_A_CHILDS_LOCALE = {"wallet_api/store/embedded.py"}


def sources(folder: str) -> list[Path]:
    """The Python files of a package."""
    found = sorted((ROOT / folder).rglob("*.py"))
    assert found, f"no files in {folder}"
    return found


def imported(path: Path) -> Iterator[str]:
    """Every module that a file imports, wherever in it, as an absolute name."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            yield ".".join((*base, *(node.module or "").split("."))).strip(".")


def name_of(path: Path) -> str:
    """The file as the repository names it."""
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", sources("wallet_api/domain"), ids=name_of)
def test_the_domain_knows_the_standard_library_and_itself_only(path: Path) -> None:
    foreign = [
        module
        for module in imported(path)
        if module.split(".")[0] not in sys.stdlib_module_names and not f"{module}.".startswith("wallet_api.domain.")
    ]

    assert foreign == []


@pytest.mark.parametrize("path", sources("wallet_api/domain"), ids=name_of)
def test_the_domain_asks_neither_the_clock_nor_chance_nor_the_outside(path: Path) -> None:
    text = path.read_text(encoding="utf-8")

    assert not {module.split(".")[0] for module in imported(path)} & {
        "os",
        "random",
        "secrets",
        "time",
        "socket",
        "pathlib",
    }
    assert not re.search(r"\.(now|utcnow|today)\(|\bopen\(|\buuid[147]\(", text)


@pytest.mark.parametrize("path", [*sources("passes"), *sources("notifications")], ids=name_of)
def test_passes_and_notifications_are_leaves(path: Path) -> None:
    known = {module.split(".")[0] for module in imported(path)}

    assert not known & (WEB_AND_STORE | {"wallet_api", "standins"})


@pytest.mark.parametrize("path", sources("standins"), ids=name_of)
def test_the_stand_ins_know_nothing_of_what_they_stand_beside(path: Path) -> None:
    known = {module.split(".")[0] for module in imported(path)}

    assert not known & {"wallet_api", "passes", "notifications"}


def test_only_the_settings_are_read_from_the_environment() -> None:
    readers = {name_of(path) for path in sources("wallet_api") if ENVIRONMENT.search(path.read_text(encoding="utf-8"))}

    # The command line hands the environment to the settings.
    outsiders = {name for name in readers if not name.startswith("wallet_api/cli/")}
    assert outsiders - SETS_A_CHILDS_LOCALE <= {"wallet_api/settings.py"}


def test_no_program_is_written_into_the_code() -> None:
    programs = {
        str(yaml.safe_load(path.read_text(encoding="utf-8"))["program"]) for path in ROOT.glob("programs/*.yaml")
    }
    found = {
        (name_of(path), program)
        for path in sources("wallet_api")
        for program in programs
        if re.search(rf"(?<![\w-]){re.escape(program)}(?![\w-])", path.read_text(encoding="utf-8"))
    }

    allowed = {(place, program) for place, programs_there in DEMO.items() for program in programs_there}
    assert programs
    assert {
        (name, program)
        for name, program in found
        if not any(name.startswith(place) and program == known for place, known in allowed)
    } == set()


def test_a_transaction_is_committed_in_one_place_only() -> None:
    committers = {
        name_of(path)
        for path in sources("wallet_api")
        if re.search(r"\.commit\(\)|engine\.begin\(|engine\.connect\(", path.read_text(encoding="utf-8"))
    }

    # The session commits for the use cases; the schema's migrations run before there are any.
    assert committers <= {"wallet_api/store/session.py", "wallet_api/store/schema.py"}
