"""Whether keys that lie in the keyring, or behind it, can be had without a desktop, and the way there."""

from __future__ import annotations

import base64
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from llmpool.auth import session_bus
from llmpool.auth.box import Box
from llmpool.cli.cronpage import CRONTAB
from llmpool.setup.doctor_case import Finding
from tests.edges.doctoring import Place
from tests.fakes import filed_keyring
from tests.support import CODE, provider

KEY, OTHER = "sk-hidden-0123456789abcdef", "sk-other-0123456789abcdef"
STATE_KEY = bytes(range(32))
URL = "http://127.0.0.1:9/v1"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a place with a keyring that works on the desktop, and is not there without one."""
    folder = tmp_path / "home"
    folder.mkdir(0o700)
    made = Place(folder)
    ring = tmp_path / "ring.json"
    held = {"llmpool:ring/b 1": KEY, "llmpool:state-key": base64.b64encode(STATE_KEY).decode()}
    ring.write_text(json.dumps(held))
    made.env |= filed_keyring.ENVIRONMENT | {
        filed_keyring.VARIABLE: str(ring),
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(ROOT),
    }
    return made


def of_keys(place: Place, *, cron: bool = False, **env: str) -> list[Finding]:
    """Return what the doctor says of keys."""
    return [f for f in place.examine(cron=CRONTAB if cron else "", **env).findings if f.area == "keys"]


def run(place: Place, command: str) -> None:
    """Run a command as the doctor shows it."""
    script = f'llmpool() {{ {shlex.quote(sys.executable)} -m llmpool "$@"; }}; {command}'
    names = {"LLMPOOL_CONFIG": str(place.paths.config), "LLMPOOL_STATE_DIR": str(place.paths.state)}
    env = place.env | names | {"PYTHONPATH": f"{CODE}:{ROOT}"}
    subprocess.run(["/bin/sh", "-c", script], env=env, check=True, timeout=60, capture_output=True)


def test_a_key_in_the_keyring_is_lost_to_cron_and_brought_there(place: Place) -> None:
    """A desktop hears of it; `--cron` shows the command that brings it into a file, and then all is well."""
    refs = [{"label": "a", "env": "NOT_SET"}, {"label": "b 1", "keyring": True}]
    place.config(provider("ring", URL, keys=refs))
    (unset, note) = of_keys(place)
    assert (unset.severity, note.severity) == ("warning", "note")
    assert note.message == ("has no key for ring (the keyring): the keyring is not open without a desktop")
    (unset, told) = of_keys(place, cron=True)
    file = place.paths.config.with_name("ring-b_1.key")
    assert unset.command == "llmpool providers keys replace ring a --keep file"
    assert told.severity == "error"
    assert told.message.endswith('(key "b 1"): its calls will fail in cron')
    assert told.command == (
        f"(umask 077; {sys.executable} -m keyring get llmpool 'ring/b 1' > {file}) && "
        f"llmpool providers keys replace ring 'b 1' --command '/bin/cat {file}' --no-verify"
    )
    run(place, told.command)
    assert file.stat().st_mode & 0o777 == 0o600
    assert [f.severity for f in of_keys(place, cron=True)] == ["warning"]  # key a, which is nowhere
    assert KEY not in place.paths.config.read_text() + str((told, note))


def test_a_state_key_in_the_keyring_is_lost_to_cron_with_all_it_opens(place: Place) -> None:
    """What is encrypted is opened here, and nowhere else; with its state key in a file, in cron as well."""
    place.config(provider("kept", URL, key={"file": True}))
    keys = {"keys": {"kept": {"default": Box(STATE_KEY).seal(OTHER)}}}
    place.paths.secrets.write_text(json.dumps({"version": 1, "written_at": "x", "data": keys}))
    place.paths.secrets.chmod(0o600)
    (note,) = of_keys(place)
    assert note.message == "has no key for kept (secrets.json): what opens secrets.json is not there"
    (told,) = of_keys(place, cron=True)
    file = place.paths.config.with_name("state.key")
    assert told.message.endswith("is encrypted, and its state key is not here: its calls will fail in cron")
    assert told.command == (
        f"(umask 077; {sys.executable} -m keyring get llmpool state-key > {file}) && "
        f"llmpool providers keys encrypt --state-key-file {file}"
    )
    run(place, told.command)
    assert (of_keys(place), of_keys(place, cron=True)) == ([], [])
    assert OTHER not in str((told, note)) + place.paths.secrets.read_text()


def test_a_locked_keyring_is_unlocked_where_that_can_be_done(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a window, which the next run from a terminal opens; from a shell where there is none."""
    (tmp_path / "lockedring.py").write_text(
        "from keyring.backend import KeyringBackend\nfrom keyring.errors import KeyringLocked\n"
        "class Keyring(KeyringBackend):\n    priority = 1\n    def get_password(self, *names):\n"
        "        raise KeyringLocked('secret words')\n    set_password = delete_password = get_password\n"
    )
    place.config(provider("ring", URL, key={"keyring": True}))
    env = {"PYTHON_KEYRING_BACKEND": "lockedring.Keyring", "PYTHONPATH": str(tmp_path)}
    monkeypatch.setattr(session_bus, "may_prompt", lambda: True)
    (told,) = of_keys(place, **env)
    assert told.message == 'the keyring is locked (key "default"): its calls will fail'
    assert told.command == "llmpool providers verify ring"
    monkeypatch.setattr(session_bus, "may_prompt", lambda: False)
    monkeypatch.setattr(session_bus, "LINUX", True)
    assert [f.command for f in of_keys(place, **env)] == ["gnome-keyring-daemon --unlock"]
