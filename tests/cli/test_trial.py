"""`llmpool providers trial`: installed, replaced and removed; its key is never seen."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from llmpool.state import trial as state
from tests import trials
from tests.fakes import filed_keyring
from tests.support import Home, provider
from tests.trials import MINE, REF, configured, install, stand, status, unseen


@pytest.fixture
def mine(home: Home) -> Home:
    """Give a home with a config of its own and the test key."""
    return configured(home)


def test_a_licence_makes_a_provider(mine: Home) -> None:
    """It is named in the config beside what stands there, and routed to as the licence says."""
    done = install(mine)
    assert (done.code, done.out) == (0, "")
    assert "10000 tokens of claude-haiku-4-5 without an end date" in done.err
    text = mine.config.read_text()
    assert text.startswith(MINE)
    assert text.endswith(
        '[providers.trial]\npreset = "trial"\nname = "Trial, licence t1 of 2023-11-14T22:13:20Z"\n'
        "key = { file = true }\n"
    )
    assert (mine.dir / "secrets.json").stat().st_mode & 0o777 == 0o600
    listed = mine.here("providers", "list", "--json")
    row = next(row for row in listed.json["providers"] if row["id"] == "trial")
    assert (row["url"], row["format"], row["location"]) == (None, "anthropic", "cloud")
    assert row["key"] == "secrets.json"
    shown = mine.here("providers", "show", "trial", "--json")
    assert (shown.json["provider"]["verify_tls"], shown.json["provider"]["alternate_urls"]) == (True, [])
    assert mine.here("route", "-m", REF, "hi").out == f"{REF}\n"
    assert mine.here("refresh", "trial").code == 0  # its licence says what it has
    assert mine.here("route", "-m", REF, "hi").out == f"{REF}\n"
    assert status(mine) == {
        "provider": "trial",
        "model": "claude-haiku-4-5",
        "format": "anthropic",
        "key_id": "t1",
        "issued_at": "2023-11-14T22:13:20Z",
        "tokens_used": 0,
        "tokens_remaining": 10000,
        "token_limit": 10000,
        "is_exhausted": False,
        "exhausted_reason": None,
        "code": None,
        "message": None,
        "next": None,
        "last_updated": status(mine)["last_updated"],
        "expires_at": None,
        "is_expired": None,
    }
    person = mine.here("providers", "trial")
    assert "tokens remaining 10000" in person.out
    exported = mine.here("config", "show")
    unseen(mine, done, listed, shown, person, exported)


def test_nothing_is_installed_yet(mine: Home) -> None:
    """Without a licence the status is all zeros, exhausted, and says what to do."""
    shown = status(mine)
    assert (shown["tokens_used"], shown["token_limit"], shown["is_exhausted"]) == (0, 0, True)
    assert (shown["exhausted_reason"], shown["provider"]) == ("no_license", None)
    bare = mine.here("providers", "trial")
    assert (bare.code, bare.out) == (0, "")
    assert "no licence is installed\n  llmpool providers trial install FILE" in bare.err
    gone = mine.here("providers", "trial", "remove", "--yes")
    assert (gone.code, "no trial is installed" in gone.err) == (2, True)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("not-a-license", 5, "no valid trial licence"),
        (trials.licence(seed=2), 5, "signature"),
        (trials.licence(kid="t9"), 5, '"t9", which is not in [trial.keys]'),
        (trials.licence(url="http://trial.example.test/"), 5, "not https"),
        (trials.licence(exp=1700003600), 8, "it ended on 2023-11-14T23:13:20Z"),
        ("", 5, "no valid trial licence"),
    ],
)
def test_what_is_refused_changes_nothing(mine: Home, text: str, code: int, words: str) -> None:
    """A licence that is none, of an unknown key, changed, or over: nothing is written, and it says why."""
    before = mine.config.read_text()
    done = install(mine, text)
    assert (done.code, words in done.err) == (code, True), done
    assert mine.config.read_text() == before
    assert not (mine.dir / "secrets.json").exists()
    assert not (mine.state / state.NAME).exists()
    unseen(mine, done)


def test_a_licence_never_stands_on_the_command_line(mine: Home) -> None:
    """Typed in the place of a file it is refused and not repeated; a file that is not there is named."""
    typed = mine.here("providers", "trial", "install", trials.WORKED)
    assert (typed.code, "never goes onto the command line" in typed.err) == (2, True)
    unseen(mine, typed)
    lost = mine.here("providers", "trial", "install", "lost.txt")
    assert (lost.code, "lost.txt cannot be read" in lost.err) == (2, True)
    none = mine.here("providers", "trial", "install")
    assert (none.code, "LLMPOOL_TRIAL_LICENSE" in none.err) == (2, True)


def test_from_a_variable_it_stays_there(mine: Home) -> None:
    """Nothing of it is stored; without the variable routing says which one is missing."""
    env = {"LLMPOOL_TRIAL_LICENSE": trials.WORKED}
    assert mine.here("providers", "trial", "install", env=env).code == 0
    assert 'key = { env = "LLMPOOL_TRIAL_LICENSE" }' in mine.config.read_text()
    assert not (mine.dir / "secrets.json").exists()
    assert mine.here("route", "-m", REF, "hi", env=env).code == 0
    without = mine.here("route", "-m", REF, "hi")
    assert (without.code, "LLMPOOL_TRIAL_LICENSE" in without.err) == (5, True)
    unseen(mine, without)


def test_where_the_config_points_it_is_found_again(mine: Home) -> None:
    """A program that prints it, or an import from another machine: install reads it there, and leaves it."""
    (mine.dir / "lic.txt").write_text(trials.WORKED)
    key = f'["cat", "{mine.dir / "lic.txt"}"]'
    table = f'[providers.trial]\npreset = "trial"\nkey = {{ command = {key} }}\n'
    mine.config.write_text(mine.config.read_text() + table)
    assert "no licence is installed" in mine.here("route", "-m", REF, "hi").err
    assert mine.here("providers", "trial", "install").code == 0
    assert f"key = {{ command = {key} }}" in mine.config.read_text()
    assert mine.here("route", "-m", REF, "hi").out == f"{REF}\n"
    removed = mine.here("providers", "trial", "remove", "--yes")
    assert "the licence is still in cat " in removed.err


def test_from_a_keyring(mine: Home) -> None:
    """Without --plaintext it goes into the keyring and out of it again; without a keyring that is said."""
    none = mine.here("providers", "trial", "install", "-", stdin=trials.WORKED)
    assert (none.code, "--plaintext" in none.err) == (2, True)
    ring = mine.dir / "ring.json"
    env = filed_keyring.ENVIRONMENT | {filed_keyring.VARIABLE: str(ring)}
    with filed_keyring.chosen():
        installed_into(mine, ring, env)


def installed_into(mine: Home, ring: Path, env: dict[str, str]) -> None:
    """Install the licence into a keyring, lose what was counted, and take it out."""
    done = mine.here("providers", "trial", "install", "-", stdin=trials.WORKED, env=env)
    assert done.code == 0, done
    assert json.loads(ring.read_text()) == {
        "llmpool:trial/default": trials.WORKED,
        "llmpool:trial/activated": "1700000000",
    }
    (mine.state / state.NAME).unlink()
    again = mine.here("providers", "trial", "install", "-", stdin=trials.WORKED, env=env)
    assert (again.code, "changed or deleted" in again.err) == (8, True)
    assert mine.here("providers", "trial", "remove", "--yes", env=env).code == 0
    assert list(json.loads(ring.read_text())) == ["llmpool:trial/activated"]


def test_a_newer_licence_begins_anew_and_an_older_one_is_none(mine: Home) -> None:
    """What is used belongs to a licence; the newer one's address and model hold at once."""
    install(mine)
    stand(mine, tokens_used=10500, exhausted=True, reason="token_limit")
    newer = trials.licence(iat=1700000001, lim=50, model="other", url="https://new.example.test/v1")
    assert install(mine, newer).code == 0
    assert mine.here("route", "-m", "trial/other", "hi").out == "trial/other\n"
    assert mine.here("route", "-m", REF, "hi").code in (3, 6)
    assert (status(mine)["tokens_used"], status(mine)["token_limit"]) == (0, 50)
    older = install(mine)
    assert (older.code, "not valid here" in older.err) == (8, True)
    assert mine.config.read_text().count("[providers.trial]") == 1


def test_removed_and_installed_again_it_goes_on_where_it_was(mine: Home) -> None:
    """The licence leaves secrets.json and the config, the count stays; a deleted count is missed."""
    install(mine)
    stand(mine, tokens_used=4000)
    asked = mine.here("providers", "trial", "remove")
    assert (asked.code, "--yes" in asked.err) == (2, True)
    assert mine.here("providers", "trial", "remove", "--yes").code == 0
    assert (
        mine.config.read_text().strip()
        == "\n".join((MINE, provider("den", "http://127.0.0.1:9/v1"), trials.TABLE)).strip()
    )
    assert trials.WORKED not in (mine.dir / "secrets.json").read_text()
    assert status(mine)["exhausted_reason"] == "no_license"
    assert install(mine).code == 0
    assert status(mine)["tokens_used"] == 4000
    (mine.state / state.NAME).unlink()
    assert "no licence is installed" in mine.here("route", "-m", REF, "hi").err
    assert (install(mine).code, status(mine)["tokens_used"]) == (8, 0)


def test_a_copied_state_is_no_trial(mine: Home, tmp_path: Path) -> None:
    """The state of one machine on another has no licence there; with another licence it is tampered with."""
    install(mine)
    stand(mine, tokens_used=100)
    other = Home(tmp_path)
    other.write_config(MINE, provider("den", "http://127.0.0.1:9/v1"), trials.TABLE)
    shutil.copytree(mine.state, other.state)
    assert status(other)["exhausted_reason"] == "no_license"
    assert install(other, trials.licence(key="sk-trial-0002")).code == 8


@pytest.mark.parametrize("note", ["²", "9" * 5000, "x"])
def test_a_note_of_an_installation_that_is_no_time_is_none(mine: Home, note: str) -> None:
    """Somebody has changed it in `secrets.json`; the licence itself is whole."""
    assert install(mine).code == 0
    secrets = mine.dir / "secrets.json"
    known = json.loads(secrets.read_text())
    assert _changed(known, note) == 1
    secrets.write_text(json.dumps(known))
    again = install(mine)
    assert (again.code, "bug" in again.err) == (0, False), again


def _changed(known: dict[str, object], note: str) -> int:
    """Put a note in the place of each time that was noted, and tell how many there were."""
    count = 0
    for name, value in known.items():
        if isinstance(value, dict):
            count += _changed(value, note)
        elif isinstance(value, str) and value.isdecimal():
            known[name] = note
            count += 1
    return count
