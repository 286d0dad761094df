"""Whether keys can be had, here and in cron, and what else is different there; no key is ever shown."""

from __future__ import annotations

import shlex
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from llmpool.cli.cronpage import CRONTAB
from llmpool.setup import doctor_cron, doctor_install
from llmpool.setup.doctor_ask import cron_environment, is_bare
from llmpool.setup.doctor_case import Finding
from tests.edges.doctoring import Place, den, observed
from tests.support import CODE, provider

KEY = "sk-hidden-0123456789abcdef"
URL = "http://127.0.0.1:9/v1"
DESKTOP = {"PATH": "/usr/local/bin:/usr/bin:/bin", "DISPLAY": ":0"}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place of one's own, as on a desktop."""
    folder = tmp_path / "home"
    folder.mkdir(0o700)
    made = Place(folder)
    made.env |= DESKTOP
    return made


def program(place: Place, name: str, script: str) -> Path:
    """Put a program into a directory on this person's PATH."""
    folder = place.paths.state.parent / "bin"
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    place.env["PATH"] = f"{folder}:{DESKTOP['PATH']}"
    return path


def test_each_key_that_cannot_be_had_is_told(place: Place) -> None:
    """With another key left it is a warning, without one an error, for an optional provider a warning."""
    place.config(
        provider("two", URL, keys=[{"label": "a", "env": "KEY_A"}, {"label": "b", "env": "KEY_B"}]),
        provider("one", URL, key={"env": "NOT_SET"}),
        provider("maybe", URL, key={"env": "NOT_SET"}, optional=True),
        "[providers.openai]",
    )
    found = place.examine(KEY_A=KEY)
    told = {f.what: f for f in found.findings if f.area == "keys" and f.severity != "note"}
    assert {name: (f.severity, f.command) for name, f in told.items()} == {
        "two": ("warning", "export KEY_B=..."),
        "one": ("error", "export NOT_SET=..."),
        "maybe": ("warning", "export NOT_SET=..."),
        "openai": ("error", "export OPENAI_API_KEY=..."),
    }
    assert told["one"].message == 'key "default": NOT_SET is not set: its calls will fail'
    assert KEY not in str(found)


def test_disabled_providers_are_not_asked_for_keys(place: Place) -> None:
    """Who takes no part needs no key."""
    place.config(den(), provider("off", URL, key={"env": "NOT_SET"}, enabled=False))
    assert place.findings("keys") == []


def test_commands_are_run_without_a_terminal(place: Place) -> None:
    """A command that prints a key is fine; one that ends badly is told by its own words; nothing is shown."""
    good = program(place, "good", f"echo {KEY}")
    ill = program(place, "ill", f"echo {KEY} >&2; test -t 0 && exit 0; exit 3")
    place.config(
        provider("good", URL, key={"command": [str(good)]}),
        provider("ill", URL, key={"command": [str(ill), "x"]}),
    )
    found = place.examine()
    (told,) = [f for f in found.findings if f.area == "keys"]
    assert told.message == f'the command of key "default" ({ill}) ended with 3: its calls will fail'
    assert (told.severity, told.command) == ("error", f"{ill} x")
    assert KEY not in str(found)


def test_a_desktop_hears_who_would_have_no_key_in_cron(place: Place) -> None:
    """One note for all of them; who needs no key, or has it from a command, is not among them."""
    good = program(place, "good", f"echo {KEY}")
    place.config(
        den(), provider("a", URL, key={"env": "KEY_A"}), provider("b", URL, key={"command": [str(good)]})
    )
    (told,) = [f for f in place.examine(KEY_A=KEY).findings if f.area == "keys"]
    assert (told.severity, told.what, told.command) == ("note", "cron", "llmpool doctor --cron")
    assert told.message.startswith("has no key for a (variable KEY_A): ")


def test_in_cron_variables_and_short_names_are_missing(place: Place) -> None:
    """As cron would run it: each provider that will fail, and the command that brings its key there."""
    mine = program(place, "mine", f"echo {KEY}")
    place.config(
        provider("env", URL, key={"env": "KEY_A"}),
        provider("short", URL, key={"command": ["mine", "x"]}),
        provider("full", URL, key={"command": [str(mine)]}),
        provider("ring", URL, key={"keyring": True}),
    )
    found = place.examine(KEY_A=KEY, cron=CRONTAB)
    told = {f.what: f for f in found.findings if f.area == "keys"}
    assert {name: f.severity for name, f in told.items()} == dict.fromkeys(("env", "short", "ring"), "error")
    assert told["env"].message == (
        'key "default": KEY_A is set here, but cron hands on no variables: its calls will fail in cron'
    )
    file = place.paths.config.with_name("env.key")
    assert told["env"].command == (
        f"(umask 077; printenv KEY_A > {file}) && llmpool providers keys replace env default "
        f"--command '/bin/cat {file}' --no-verify"
    )
    assert "cannot be run" in told["short"].message
    assert told["short"].command == (
        f"llmpool providers keys replace short default --command '{mine} x' --no-verify"
    )
    assert told["ring"].command == "llmpool providers keys replace ring default --keep file"
    assert KEY not in str(found)


def test_the_command_for_cron_mends_it(place: Place) -> None:
    """Run as it is shown, the key is in a file of its owner's, and cron finds it."""
    place.config(provider("env", URL, key={"env": "KEY_A"}))
    (told,) = [f for f in place.examine(KEY_A=KEY, cron=CRONTAB).findings if f.area == "keys"]
    script = f'llmpool() {{ {shlex.quote(sys.executable)} -m llmpool "$@"; }}; {told.command}'
    names = {"LLMPOOL_CONFIG": str(place.paths.config), "LLMPOOL_STATE_DIR": str(place.paths.state)}
    env = place.env | names | {"KEY_A": KEY, "PYTHONPATH": str(CODE)}
    subprocess.run(["/bin/sh", "-c", script], env=env, check=True, timeout=60, capture_output=True)
    file = place.paths.config.with_name("env.key")
    assert file.stat().st_mode & 0o777 == 0o600
    found = place.examine(cron=CRONTAB)
    assert [f for f in found.findings if f.area in ("keys", "files")] == []
    assert KEY not in place.paths.config.read_text()


def test_where_it_is_bare_already_variables_of_the_crontab_count(place: Place) -> None:
    """Run by cron itself, what the crontab sets is there."""
    place.env = {"HOME": place.env["HOME"], "PATH": "/usr/bin:/bin"}
    place.config(provider("env", URL, key={"env": "KEY_A"}))
    assert [f for f in place.examine(KEY_A=KEY, cron=CRONTAB).findings if f.area == "keys"] == []


def test_cron_hands_on_home_and_name_and_little_else() -> None:
    """No desktop, no variables of the shell, a short PATH."""
    env = DESKTOP | {"HOME": "/h", "LOGNAME": "me", "DBUS_SESSION_BUS_ADDRESS": "x", "OPENAI_API_KEY": KEY}
    bare = cron_environment(env)
    assert bare == {"HOME": "/h", "LOGNAME": "me", "PATH": "/usr/bin:/bin", "SHELL": "/bin/sh"}
    assert is_bare(bare)
    assert not is_bare(env)


def test_the_crontab_line_names_program_and_files(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Schedule and options of the example, the full path, and what cron must be told to find the files."""
    monkeypatch.setattr(doctor_cron, "found_program", lambda _case: "/opt/llmpool")
    place.config(den())
    told = {f.what: f for f in place.findings("cron", cron=CRONTAB)}
    variables = f"LLMPOOL_CONFIG={place.paths.config} LLMPOOL_STATE_DIR={place.paths.state}"
    line = f"7 * * * * {variables} /opt/llmpool refresh --if-stale 5h --jitter 10m --quiet"
    assert told["crontab"] == Finding("note", "cron", "crontab", f"a line that works: {line}", "crontab -e")
    assert told["files"].message.endswith(f"the line needs {variables}")


def test_a_proxy_that_cron_does_not_have_is_told_without_its_value(place: Place) -> None:
    """It may hold a password, and the cloud may be out of reach without it."""
    place.config(provider("up", "https://up.example/v1", location="cloud", format="openai"))
    found = place.examine(cron=CRONTAB, https_proxy="http://me:secret@proxy.example:3128")
    (told,) = [f for f in found.findings if f.what == "proxy"]
    assert (told.severity, told.command) == ("warning", "crontab -e")
    assert "secret" not in str(found)


# --- the installation ------------------------------------------------------------------------------------


def test_the_bounds_are_those_of_the_package() -> None:
    """What the doctor compares with is what pip was asked for."""
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    everywhere = [needed for needed in project["project"]["dependencies"] if ";" not in needed]
    assert list(doctor_install.NEEDED) == everywhere


@pytest.mark.parametrize(
    ("version", "wanted", "fits"),
    [
        ("0.28.1", "typer>=0.28,<0.29", True),
        ("0.29.0", "typer>=0.28,<0.29", False),
        ("0.29.0a1", "typer>=0.28,<0.29", False),
        ("0.9", "typer>=0.28,<0.29", False),
        ("26.1.0.dev3", "keyring>=25.5", True),
    ],
)
def test_versions_are_compared_by_their_numbers(version: str, wanted: str, fits: bool) -> None:
    """0.9 is older than 0.28; what ends a version does not count."""
    assert doctor_install.fits(version, wanted) is fits


def test_a_dependency_out_of_range_or_missing_is_told(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the command that installs the right one into this very environment."""
    real = metadata.version

    def version(name: str) -> str:
        if name == "rich":
            raise metadata.PackageNotFoundError(name)
        return {"typer": "0.29.1", "httpx": None}.get(name, real(name))  # type: ignore[return-value]  # as it does

    monkeypatch.setattr(doctor_install.metadata, "version", version)
    place.keep("inventory.json", observed("a"))
    told = {f.what: f for f in place.findings("install")}
    assert (told["typer"].severity, told["rich"].severity) == ("warning", "error")
    assert told["typer"].message == "version 0.29.1 is installed; llmpool needs typer>=0.28,<0.29"
    assert (told["httpx"].severity, told["httpx"].message.partition(";")[0]) == (
        "error",
        "is only half installed",
    )
    assert told["rich"].command == shlex.join([sys.executable, "-m", "pip", "install", "rich>=13.9"])


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_without_completion_is_a_note(place: Place, shell: str) -> None:
    """It is gone once a start-up file of the shell speaks of llmpool."""
    (told,) = [f for f in place.examine(SHELL=f"/usr/bin/{shell}").findings if f.what == "completion"]
    assert (told.severity, f"llmpool completion {shell}" in told.command) == ("note", True)
    own = Path(doctor_install._COMPLETION[shell][0].replace("~", place.env["HOME"]))
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text('eval "$(llmpool completion)"')
    assert not [f for f in place.examine(SHELL=f"/usr/bin/{shell}").findings if f.what == "completion"]


def test_each_way_a_key_is_kept_has_its_own_mend(place: Place) -> None:
    """No keyring: secrets.json instead; a broken key file: out of the way; no program: the config."""
    place.config(
        provider("ring", URL, key={"keyring": True}),
        provider("kept", URL, key={"file": True}),
        provider("none", URL, key={"command": ["no-such-program"]}),
    )
    secrets = place.paths.secrets
    secrets.write_text("broken")
    secrets.chmod(0o600)
    found = place.examine(PYTHON_KEYRING_BACKEND="keyring.backends.fail.Keyring")
    assert {f.what: f.command for f in found.findings if f.area == "keys"} == {
        "ring": "llmpool providers keys replace ring default --keep file",
        "kept": f"mv {secrets} {secrets}.bad",
        "none": "llmpool config edit",
    }
