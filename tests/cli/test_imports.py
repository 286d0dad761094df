"""`llmpool providers import`: a list that changes nothing, and taking over what somebody already has."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from llmpool.cli import imports as command
from llmpool.setup import imports, moving_in
from tests.fakes import filed_keyring
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, finish

ROOT = Path(__file__).resolve().parents[2]
KEY = PLANTED_KEY
SHOWN = "sk-p...mnop"
SETTINGS = ".config/Cursor/User/settings.json"
TEXT = f'export ANTHROPIC_API_KEY="{KEY}"\nbase_url = https://r.test\n'
FIELDS = {
    "tool", "name", "source", "path", "provider", "becomes", "url", "key", "variable", "label", "importable",
    "imported", "reason", "repeats",
}  # fmt: skip
TOOL = {"id", "name", "provider", "found", "path", "searched", "error", "variables", "detected"}
STEP = {"provider", "label", "action", "reason", "key", "stored"}


def put(home: Home, name: str, content: Any) -> None:
    """Write a file of another tool."""
    path = home.dir / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_the_list_changes_nothing_and_shows_no_key(home: Home) -> None:
    """Alone it lists finds with masked keys, tools with their variables, and writes nothing."""
    put(home, SETTINGS, {"api_key": KEY})
    put(home, ".codex/auth.json", {"access_token": KEY, "account_id": "me@x.test"})
    env = {"TRAE_API_KEY": KEY}
    listed = home.here("providers", "import", "--json", env=env)
    document = listed.json
    assert set(document) == {"schema", "found", "logins", "tools", "problems"}
    found = document["found"]
    assert [(each["tool"], each["becomes"], each["key"], each["importable"]) for each in found] == [
        ("cursor", "openai", SHOWN, True), ("trae", None, None, False),
    ]  # fmt: skip
    assert all(set(each) == FIELDS for each in document["found"])
    assert all(set(each) == TOOL for each in document["tools"])
    assert [(each["tool"], each["provider"], each["email"]) for each in document["logins"]] == [
        ("codex", "openai-codex", "me@x.test"),
    ]
    trae = next(each for each in document["tools"] if each["id"] == "trae")
    assert (trae["detected"], trae["variables"]) == (True, [{"name": "TRAE_API_KEY", "set": True}])
    shown = home.here("providers", "import", env=env)
    assert shown.out == (
        f"cursor\topenai\t{SHOWN}\t-\tnew\t~/{SETTINGS}\n"
        "trae\t-\t$TRAE_API_KEY\t-\tno address, and it is no vendor that llmpool knows\tvariables\n"
    )
    assert "+TRAE_API_KEY" in shown.err
    assert "-CURSOR_API_KEY" in shown.err
    assert not listed.shows(KEY)
    assert not shown.shows(KEY)
    assert not home.config.exists()
    assert home.files_with(KEY) == [".codex/auth.json", SETTINGS]


def test_an_empty_home_has_nothing_to_list(home: Home) -> None:
    """With no other tool the list is empty and says so; it is no failure."""
    listed = home.here("providers", "import")
    assert (listed.code, listed.out) == (0, "")
    assert "no other tool here" in listed.err
    assert home.here("providers", "import", "all").code == 5


def test_a_key_is_taken_over_once_somebody_says_so(home: Home) -> None:
    """Off a terminal it wants --yes; then the key lies where its owner said, and nowhere else."""
    home.write_config("# mine")
    put(home, SETTINGS, {"api_key": KEY})
    foretold = home.here("providers", "import", "cursor", "--dry-run", "--json")
    assert foretold.json["steps"] == [
        {"provider": "openai", "label": "Imported from cursor", "action": "added", "reason": None,
         "key": SHOWN, "stored": None},
    ]  # fmt: skip
    refused = home.here("providers", "import", "cursor")
    assert refused.code == 2
    assert "--yes" in refused.err
    unsaid = home.here("providers", "import", "cursor", "--yes")
    assert unsaid.code in (2, 5)
    assert "--plaintext" in unsaid.err
    assert home.config.read_text() == "# mine\n"
    done = home.here("providers", "import", "cursor", "--yes", "--plaintext", "--json")
    assert (done.code, done.json["steps"][0]["stored"]) == (0, "file")
    assert set(done.json["steps"][0]) == STEP
    assert home.config.read_text().startswith("# mine\n")
    again = home.here("providers", "import", "cursor", "--yes")
    assert again.code == 0
    assert "there already" in again.err
    assert not any(each.shows(KEY) for each in (foretold, refused, unsaid, done, again))
    assert home.files_with(KEY) == [SETTINGS, "secrets.json"]
    assert [each["source"] for each in home.here("providers", "keys", "list", "--json").json["keys"]] == [
        "file"
    ]


def test_a_terminal_is_asked(home: Home) -> None:
    """On a terminal the finds are shown and one question is asked; no is no."""
    put(home, SETTINGS, {"base_url": "http://den:1/v1"})
    child = home.terminal("providers", "import", "cursor")
    child.expect("take over 1 find")
    child.sendline("n")
    assert "nothing was done" in finish(child).out
    assert not home.config.exists()


def test_worked_example_38_from_stdin(home: Home) -> None:
    """Worked example 38: the text is only parsed and shown without --yes; `hello` is an error."""
    seen = home.here("providers", "import", "cc-switch", "--json", stdin=TEXT)
    assert seen.json["dry_run"] is True
    assert seen.json["steps"][0]["key"] == SHOWN
    assert not home.config.exists()
    assert home.here("providers", "import", "cc-switch", stdin="hello").code == 2
    assert home.here("providers", "import", "cc-switch", stdin=b"\xff\xfe\0").code == 2
    done = home.here("providers", "import", "cc-switch", "--yes", "--plaintext", stdin=TEXT)
    assert (done.code, done.shows(KEY), seen.shows(KEY)) == (0, False, False)
    assert 'url = "https://r.test"' in home.config.read_text()
    assert home.files_with(KEY) == ["secrets.json"]


def test_a_proxy_on_this_machine(home: Home, server: FakeServer) -> None:
    """--proxy takes the tool's own server, which answers from then on; --offline refuses it."""
    put(home, SETTINGS, {"proxy_url": server.url})
    assert home.here("--offline", "providers", "import", "cursor", "--proxy", "--yes").code == 8
    assert home.here("providers", "import", "cursor", "--proxy", "--yes").code == 0
    assert home.here("refresh", "custom-cursor").code == 0
    assert home.here("chat", "hi").out == "hello there\n"


def test_an_imported_key_answers(home: Home, server: FakeServer) -> None:
    """A key and its address, taken over from another tool into the keyring, answer the next prompt."""
    put(home, SETTINGS, {"api_key": KEY, "base_url": server.url})
    env = filed_keyring.ENVIRONMENT | {filed_keyring.VARIABLE: str(home.dir / "keyring.json")}
    with filed_keyring.chosen():
        assert home.here("providers", "import", "cursor", "--yes", env=env).code == 0
        assert home.here("refresh", env=env).code == 0
        assert home.here("chat", "hi", env=env).out == "hello there\n"
    assert home.files_with(KEY) == [SETTINGS, "keyring.json"]


def test_a_dotenv_file_here_is_listed_and_taken_by_name(home: Home) -> None:
    """The .env of this directory is listed; `all` leaves it alone, its own name takes it."""
    (home.cwd / ".env").write_text(f"MISTRAL_API_KEY={KEY}\n")
    listed = home.here("providers", "import", "--json")
    assert [(each["source"], each["becomes"], each["key"]) for each in listed.json["found"]] == [
        ("dotenv", "mistral", SHOWN),
    ]
    assert home.here("providers", "import", "all", "--yes").code == 5
    assert home.here("providers", "import", ".env", "--yes", "--plaintext").code == 0
    assert "[providers.mistral]" in home.config.read_text()
    (home.cwd / ".env").write_bytes(b"\xff")
    assert home.here("providers", "import", "--json").json["problems"] == [".env is not UTF-8"]


def test_partly_done_is_said(home: Home) -> None:
    """What could not be kept is told with the way out, the rest is brought in, and the run ends with 9."""
    put(home, SETTINGS, {"api_key": KEY})
    put(home, ".kiro/config.json", {"base_url": "http://den:1/v1"})
    done = home.here("providers", "import", "all", "--yes", "--keep", "keyring")
    assert done.code == 9
    assert "openai" in done.err
    assert "failed: " in done.err
    assert "--keep file" in done.err
    assert "custom-kiro" in home.config.read_text()
    assert "[providers.openai]" not in home.config.read_text()
    assert not done.shows(KEY)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("cursr",), 3), (("--proxy",), 2), (("--logins",), 2), (("cursor", "/x"), 2),
        (("all", "--proxy"), 3),
        (("cursor", "--state-key", "f"), 2), (("cursor", "--keep", "attic"), 2), ((KEY,), 2),
        (("dotenv", "/no"), 2),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(home: Home, words: tuple[str, ...], code: int) -> None:
    """Unknown sources are exit 3, options that belong elsewhere 2; a key as a word is not repeated."""
    result = home.here("providers", "import", *words)
    assert (result.code, result.shows(KEY)) == (code, False)
    assert not home.config.exists()


def test_completion_knows_every_source() -> None:
    """What is completed is what can be imported."""
    assert set(command.SOURCES) == {*imports.sources(), *moving_in.SOURCES, "undo"}
    assert command.SOURCES[-4:] == (*moving_in.SOURCES, "undo")


def test_init_tells_of_other_tools_and_takes_nothing(home: Home, server: FakeServer) -> None:
    """Off a terminal init says what other tools have and how to have it; no key is copied."""
    put(home, SETTINGS, {"api_key": KEY})
    result = home.here("init", "--yes", "--no-embedded", "--json", env={"OPENROUTER_BASE_URL": server.url})
    assert result.json["elsewhere"] == [{"tool": "cursor", "becomes": "openai"}]
    assert f"Cursor has {SHOWN} for openai" in result.err
    assert "llmpool providers import cursor" in result.err
    assert home.files_with(KEY) == [SETTINGS]


def test_init_asks_on_a_terminal(home: Home) -> None:
    """On a terminal init asks before it takes over what other tools have; an address is taken over so."""
    put(home, SETTINGS, {"base_url": "http://127.0.0.1:9/v1"})
    child = home.terminal("init", "--no-embedded")
    child.expect("What should answer first")
    child.sendline("")
    child.expect(r"Take over from cursor\?")
    child.sendline("y")
    child.wait()
    assert "[providers.custom-cursor]" in home.config.read_text()
