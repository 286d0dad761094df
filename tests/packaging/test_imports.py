"""What a command loads: start-up is felt on every call, so the modules behind it are held to a budget."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support import Home, model, provider

HEAVY = {"httpx", "keyring", "rich", "cryptography", "asyncio", "platformdirs"}
TYPER = {"typer", "llmpool.cli.tree"}
READING = {"tomllib", "llmpool.config.load", "llmpool.config.presets", "llmpool.config.schema"}
COMPILING = {"llmpool.registry.merge", "llmpool.registry.catalog", "llmpool.registry.compiled"}
# a library of Python that no record is worth; since 3.14 its `traceback`, which typer loads, is made with it
OF_PYTHON = {"dataclasses"} if sys.version_info < (3, 14) else set[str]()
MOST_OF_OURS = 41  # modules of llmpool that `route` may load; a package is an empty file and not counted

FLEET = (
    provider("sky", "http://127.0.0.1:9/v1", location="cloud"),
    provider("den", "http://127.0.0.1:9/v1"),
    model("sky/big", quality=10, speed=6, cost_tier=3, context_window=200000),
    model("den/small", quality=5, speed=8, context_window=8192),
)
RUN = """
import sys
given = set(sys.modules)
path, *sys.argv[1:] = sys.argv[1:]
from llmpool.__main__ import main
try:
    code = main()
except SystemExit as ended:
    code = ended.code
with open(path, "w") as out:
    out.write("\\n".join([str(int(code or 0)), *sorted(set(sys.modules) - given)]))
"""


def loaded(home: Home, *args: str, **env: str) -> set[str]:
    """Run llmpool in a fresh interpreter and name the modules it has loaded."""
    found = home.dir / "modules.txt"
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(found), *args],
        env=home.env | env,
        cwd=home.cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert found.exists(), done.stderr.decode()
    code, *names = found.read_text(encoding="utf-8").splitlines()
    assert code == "0", done.stderr.decode()
    return set(names)


@pytest.fixture
def fleet(home: Home) -> Home:
    """Give a home with two providers whose registry is compiled."""
    home.write_config(*FLEET)
    assert home.here("models", "list", "--json").code == 0
    return home


@pytest.mark.parametrize(
    "args",
    [
        ("route", "--json", "hello"),
        ("models", "list", "--json"),
        ("providers", "list", "--json"),
        ("usage", "--json"),
        ("usage",),
        ("policy", "show", "--json"),
        ("--help",),
        ("route", "--help"),
    ],
    ids=" ".join,
)
def test_the_everyday_commands_load_nothing_heavy(fleet: Home, args: tuple[str, ...]) -> None:
    """No network, keyring, colour or TOML editing library behind a command that needs none of them."""
    assert not HEAVY & loaded(fleet, *args)


@pytest.mark.parametrize(
    "args",
    [("route", "--json", "hello"), ("models", "list", "--json"), ("usage", "--json"), ("policy", "show")],
    ids=" ".join,
)
def test_a_plain_line_is_read_without_typer(fleet: Home, args: tuple[str, ...]) -> None:
    """Typer takes twice as long to load as these commands take for all they do."""
    assert not TYPER & loaded(fleet, *args)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_loads_nothing_heavy(fleet: Home, shell: str) -> None:
    """Each TAB is a run: neither commands with their descriptions nor models may cost a library."""
    asked = {"_LLMPOOL_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_FISH_ACTION": "get-args"}
    for words, at in (("llmpool ro", 1), ("llmpool models ", 2), ("llmpool models show de", 3)):
        names = loaded(fleet, **asked, COMP_WORDS=words, COMP_CWORD=str(at), _TYPER_COMPLETE_ARGS=words)
        assert not (HEAVY | READING) & names


def test_root_help_and_command_names_load_no_command(fleet: Home) -> None:
    """Help and completion of the commands come from one table, not from their modules."""
    commands = {
        f"llmpool.cli.{name}" for name in ("chat", "route", "models", "providers", "usage", "refresh")
    }
    asked = {"_LLMPOOL_COMPLETE": "complete_bash", "COMP_WORDS": "llmpool ro", "COMP_CWORD": "1"}
    for names in (loaded(fleet, "--help"), loaded(fleet, **asked)):
        assert not commands & names


def test_the_version_is_told_before_anything_is_loaded(home: Home) -> None:
    """`--version` answers from one constant."""
    names = loaded(home, "--version")
    assert not {"typer", "json", "llmpool.cli", "llmpool.errors"} & names


def test_route_reads_the_compiled_registry_alone(fleet: Home) -> None:
    """With a fresh registry `route` reads no TOML and merges nothing."""
    names = loaded(fleet, "route", "--json", "hello")
    ours = sorted(name for name in names if name.partition(".")[0] == "llmpool")
    ours = [name for name in ours if not any(other.startswith(f"{name}.") for other in ours)]
    print(f"route loads {len(ours)} modules of llmpool: {' '.join(ours)}")
    assert not (READING | COMPILING | OF_PYTHON) & names
    assert len(ours) <= MOST_OF_OURS
