"""Logins of other tools: read from where each keeps them, used here, and never altered (7.8, ruling 24)."""

from __future__ import annotations

import hashlib
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from llmpool.importers import codex, copilot, database, google_logins
from llmpool.importers.files import Unreadable
from llmpool.importers.home import Home
from llmpool.setup import import_logins
from llmpool.state import logins
from tests.edges.importing import ON_FILE, Place

STATE = "Antigravity/User/globalStorage"
ACCESS, REFRESH = "ya29.access-0123456789", "1//refresh-0123456789"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a home without anything in it."""
    return Place(tmp_path)


def home(place: Place) -> Home:
    """Give that home on Linux."""
    return Home("linux", place.env)


def vscdb(path: Path, value: str, *, wal: bool = False) -> sqlite3.Connection:
    """Write a state database with one value; its connection stays open, as an editor's does."""
    path.parent.mkdir(parents=True, exist_ok=True)
    made = sqlite3.connect(path)
    if wal:
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("PRAGMA wal_autocheckpoint = 0")
    made.execute("CREATE TABLE ItemTable (key TEXT UNIQUE ON CONFLICT REPLACE, value BLOB)")
    made.execute("INSERT INTO ItemTable VALUES ('antigravityAuthStatus', ?)", (value,))
    made.commit()
    return made


def digests(folder: Path) -> dict[str, str]:
    """Return the files of a folder with what tells them apart."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(
    "told",
    [{"expires_at": 1740000000000}, {"expires_at": 1740000000}, {"expires_at": "1740000000"},
     {"tokens": {"expires_at": 1740000000}}],
)  # fmt: skip
def test_worked_example_34_times(place: Place, told: dict[str, Any]) -> None:
    """Worked example 34: milliseconds and seconds, at the top or below `tokens`, give the same instant."""
    place.put(".codex/auth.json", {"access_token": " a "} | told)
    found = codex.login(home(place))
    assert found
    assert (found.access, found.expires) == ("a", 1740000000.0)


def test_worked_example_34(place: Place) -> None:
    """Worked example 34: the tokens below `tokens`, the account id as e-mail, no time to end."""
    content = {
        "tokens": {"access_token": "a", "refresh_token": "r", "account_id": "u"},
        "last_refresh": "1740000000000",
    }
    place.put(".codex/auth.json", content)
    found = codex.login(home(place))
    assert found
    assert (found.access, found.refresh, found.email, found.expires) == ("a", "r", "u", None)
    place.env["CODEX_HOME"] = str(place.put("elsewhere/auth.json", {"access_token": "moved"}).parent)
    moved = codex.login(home(place))
    assert moved
    assert moved.access == "moved"


@pytest.mark.parametrize(
    "content", ["{}", '{"tokens": 3}', '{"access_token": ["a"]}', '{"tokens": {"access_token": " "}}']
)
def test_codex_without_a_token_is_no_login(place: Place, content: str) -> None:
    """Somebody who has never logged in has no login, whatever else stands there."""
    place.put(".codex/auth.json", content)
    assert codex.login(home(place)) is None


def test_copilot(place: Place) -> None:
    """What github.com gave counts, not what another GitHub did: it would be sent to github.com.

    The source takes the first host with `github` in it. The user's name stands for an address.
    """
    hosts: dict[str, Any] = {
        "example.com": {"oauth_token": "no"},
        "ghe.github.corp": {"user": "me", "oauth_token": "gho_of-the-company"},
        "github.com.evil.test": {"oauth_token": "no"},
        "github.com": {"user": "me"},
    }
    place.put(".config/github-copilot/hosts.json", hosts)
    assert copilot.login(home(place)) is None
    hosts["github.com:Iv1.0123456789abcdef"] = {"user": "you", "oauth_token": "gho_0123456789"}
    place.put(".config/github-copilot/hosts.json", hosts)
    found = copilot.login(home(place))
    assert found
    assert (found.access, found.email, found.refresh) == ("gho_0123456789", "you", "")


def test_gemini_cli_needs_its_refresh_token(place: Place) -> None:
    """Without a refresh token there is no login; its time to end is not taken over."""
    place.put(".config/gemini/oauth_creds.json", {"access_token": ACCESS})
    assert google_logins.gemini_cli(home(place)) is None
    place.put(
        ".gemini/oauth_creds.json", {"access_token": ACCESS, "refresh_token": REFRESH, "expiry_date": 1}
    )
    found = google_logins.gemini_cli(home(place))
    assert found
    assert (found.access, found.refresh, found.expires) == (ACCESS, REFRESH, None)


@pytest.mark.parametrize("wal", [False, True])
def test_antigravity_is_read_from_a_copy(place: Place, wal: bool) -> None:
    """What its database says counts, the part in the log included; not a byte of its folder changes."""
    path = place.root / ".config" / STATE / "state.vscdb"
    editor = vscdb(path, f'{{"apiKey": "{ACCESS}", "email": "me@x.test"}}', wal=wal)
    before = digests(path.parent)
    found = google_logins.antigravity(home(place))
    assert found
    assert (found.access, found.email, found.refresh) == (ACCESS, "me@x.test", "")
    assert digests(path.parent) == before
    assert wal == ("state.vscdb-wal" in before)
    editor.close()


@pytest.mark.parametrize(
    ("content", "access", "refresh", "email", "project"),
    [
        ({"google.oauth.refreshToken": REFRESH, "refreshToken": "no"}, "", REFRESH, "", ""),
        ({"google": {"oauth": {"refreshToken": REFRESH}}, "apiKey": ACCESS}, ACCESS, REFRESH, "", ""),
        ({"accessToken": ACCESS, "email": "e", "managedProjectId": "p"}, ACCESS, "", "e", "p"),
        ({"google.auth.refreshToken": REFRESH, "google.oauth.projectId": "q"}, "", REFRESH, "", "q"),
    ],
    ids=range(4),
)
def test_antigravitys_older_files(
    place: Place, content: dict[str, Any], access: str, refresh: str, email: str, project: str
) -> None:
    """Without a database its files count, under each of the names they have had."""
    place.put(f".config/{STATE}/storage.json", {"other": 1})
    place.put(f".config/{STATE}/google.oauth.json", content)
    found = google_logins.antigravity(home(place))
    assert found
    assert (found.access, found.refresh, found.email, found.project) == (access, refresh, email, project)


def test_a_database_that_is_none_is_told(place: Place) -> None:
    """Text, an empty file, another database and a view in place of the table are told or say nothing."""
    path = place.put(f".config/{STATE}/state.vscdb", "no database at all, but long enough to be looked at")
    with pytest.raises(Unreadable, match="no state database"):
        google_logins.antigravity(home(place))
    path.unlink()
    path.mkdir()
    with pytest.raises(Unreadable, match="no file"):
        google_logins.antigravity(home(place))
    path.rmdir()
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE ItemTable (key, value)")
        made.execute("INSERT INTO ItemTable VALUES ('k', 7), ('long', ?)", ("x" * (1 << 21),))
    assert (database.value_of(path, "missing"), database.value_of(path, "long")) == ("", "")
    assert database.value_of(path, "k") == "7"
    seen = place.survey()
    assert (seen.accounts, seen.problems) == ((), ())


def test_a_login_is_used_and_its_files_stay(place: Place) -> None:
    """The token is kept here as borrowed, without what renews it; taking over keeps that too."""
    tokens = {"access_token": ACCESS, "refresh_token": REFRESH, "account_id": "u", "expires_at": 4e9}
    path = place.put(".codex/auth.json", {"tokens": tokens})
    before = path.read_bytes()
    [account] = place.survey().accounts
    assert import_logins.adopt(place.pool, account, ON_FILE, dry_run=True).action == "login"
    assert not place.paths.config.exists()
    step = import_logins.adopt(place.pool, account, ON_FILE)
    assert (step.provider, step.label, step.action, step.stored) == ("openai-codex", "u", "login", "file")
    [kept] = logins.of(place.paths.state, "openai-codex")
    assert (kept.borrowed, kept.refreshable, kept.expires_at) == (True, False, 4e9)
    assert REFRESH not in place.paths.secrets.read_text()
    assert "openai-codex" in {provider.id for provider in place.pool.catalog.providers}
    assert import_logins.adopt(place.pool, account, ON_FILE, take_over=True).action == "present"
    [kept] = logins.of(place.paths.state, "openai-codex")
    assert (kept.borrowed, kept.refreshable) == (False, True)
    assert REFRESH in place.paths.secrets.read_text()
    assert path.read_bytes() == before


def test_a_login_that_can_only_be_renewed_wants_taking_over(place: Place) -> None:
    """With nothing but a refresh token there is nothing to use, unless its owner hands it over."""
    place.put(".gemini/oauth_creds.json", {"refresh_token": REFRESH})
    [account] = place.survey().accounts
    step = import_logins.adopt(place.pool, account, ON_FILE)
    assert (step.action, step.provider) == ("skipped", "google-gemini-cli")
    assert "--take-over" in step.why
