"""Bad input of every kind: one clear error, the documented exit code, nothing lost, never a traceback."""

from __future__ import annotations

import json
import os
import re
import stat

import pytest

from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, Result, closed_port, model, provider

FIVE_MISTAKES = """defualt_model = "x"
[routing]
strategy = "fastest"
[providers."bad id"]
url = "http://x"
[providers.a]
url = 3
[[models]]
id = "nowhere/m"
quality = 99
"""


def clean(result: Result) -> None:
    """Assert that an error is told to a person, without a trace of Python."""
    assert result.err.startswith(("error:", "warning:", "note:", "{"))
    assert "Traceback" not in result.err
    assert 'File "' not in result.err


def test_five_mistakes_are_five_lines(home: Home) -> None:
    """A config with five mistakes lists all of them with line and key, and ends with 4."""
    home.write_config(FIVE_MISTAKES)
    for command in (("config", "check"), ("route", "x"), ("chat", "x"), ("refresh",), ("models",)):
        result = home.here(*command)
        assert result.code == 4, command
        clean(result)
        for word in ("defualt_model", "strategy", "bad id", "url", "quality", "nowhere"):
            assert word in result.err
        assert re.search(r"config\.toml:3\b", result.err)


def test_errors_are_json_where_json_was_asked_for(home: Home) -> None:
    """With --json an error is one JSON line on stderr, stdout stays empty."""
    home.write_config(FIVE_MISTAKES)
    result = home.here("route", "--json", "x")
    assert (result.code, result.out) == (4, "")
    assert result.error["exit"] == 4
    assert len(result.error["problems"]) >= 5
    usage = home.here("route", "--json", "--nosuch")
    assert (usage.code, usage.error["kind"]) == (2, "usage")


def test_a_literal_key_is_refused_and_never_echoed(home: Home) -> None:
    """A key written into the config is refused with the way to store it, and is shown nowhere."""
    home.write_config('[providers.openai]\nkey = "sk-verysecretvalue1234567890"\n')
    for command in (("config", "check"), ("config", "show"), ("chat", "x"), ("chat", "--traceback", "x")):
        result = home.here(*command)
        assert result.code == 4
        assert "verysecret" not in result.out + result.err


@pytest.mark.parametrize(
    "content", ['{"version": 1, "data": {"tru', "not json", "[1, 2]", '{"version": "x"}', "\xff\xfe", ""]
)
def test_corrupt_observations_are_set_aside(home: Home, server: FakeServer, content: str) -> None:
    """Truncated or foreign JSON is kept under another name and named, and the command goes on."""
    home.write_config(provider("a", server.url))
    home.here("refresh")
    path = home.state / "inventory.json"
    raw = content.encode("latin-1")
    path.write_bytes(raw)
    result = home.here("models", "list", "--json")
    assert result.code == 0
    clean(result)
    kept = list(home.state.glob("inventory.json.corrupt-*"))
    assert [p.read_bytes() for p in kept] == [raw]
    assert home.here("refresh").code == 0
    assert home.here("models", "list", "--json").json["models"]


@pytest.mark.parametrize("name", ["health.json", "routing.json", "registry.json"])
def test_other_observations_too(home: Home, server: FakeServer, name: str) -> None:
    """Every observed file may be garbage without costing an answer."""
    home.write_config(provider("a", server.url))
    home.here("refresh")
    home.here("chat", "hi")
    (home.state / name).write_text("garbage")
    assert home.here("chat", "hi").out == "hello there\n"
    assert home.here("models", "list", "--json").code == 0


def test_corrupt_decisions_of_the_owner_end_with_10(home: Home) -> None:
    """A corrupt policy file is set aside and ends the run: nobody guesses what its owner decided."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"))
    home.state.mkdir(mode=0o700)
    (home.state / "policy.json").write_text("{")
    result = home.here("route", "x")
    assert result.code == 10
    clean(result)
    assert list(home.state.glob("policy.json.corrupt-*"))
    assert home.here("route", "x").code == 10, "the second run must not forget it either"
    next(home.state.glob("policy.json.corrupt-*")).unlink()
    assert home.here("route", "x").code == 6


def test_a_newer_state_is_refused_and_left_alone(home: Home) -> None:
    """State from a newer version is neither read nor touched."""
    home.write_config(provider("a", "http://127.0.0.1:9/v1"), model("a/m"))
    home.state.mkdir(mode=0o700)
    text = json.dumps({"version": 99, "written_at": "2030-01-01T00:00:00Z", "data": {}})
    (home.state / "inventory.json").write_text(text)
    result = home.here("route", "x")
    assert result.code == 10
    clean(result)
    assert (home.state / "inventory.json").read_text() == text


@pytest.mark.parametrize(
    ("fault", "word"),
    [
        (faults.html(), "HTML"),
        (faults.half_json(), "JSON|middle"),
        (faults.endless_line(), "MiB"),
        (faults.huge_headers(), "header"),
        (faults.close(), "closed"),
        (faults.reset(), "reset|closed"),
    ],
    ids=["html", "half-json", "endless-line", "huge-headers", "close", "reset"],
)
def test_a_bad_server_is_one_clear_line(home: Home, fault: object, word: str) -> None:
    """Whatever a server does, a pinned chat ends with one line that says it, and 7; a refresh with 9."""
    with FakeServer(behave=[fault] * 5, behave_listing=[fault] * 5) as bad:
        home.write_config(provider("a", bad.url), model("a/m"))
        chat = home.here("chat", "-m", "a/m", "--max-wait", "0", "hi")
        assert chat.code == 7
        clean(chat)
        assert re.search(word, chat.err, re.IGNORECASE), chat.err
        refresh = home.here("refresh", "--timeout", "10s")
        assert refresh.code == 9
        assert "Traceback" not in refresh.err


def test_hostile_names_are_skipped_and_counted(home: Home) -> None:
    """Model names with control characters or of absurd length never get in; the rest do."""
    with FakeServer(models=("good", "bad\x1b[31m", "x" * 10000, "good", "with/slash")) as one:
        home.write_config(provider("a", one.url))
        shown = home.here("refresh", "--json").json["providers"][0]
        assert (shown["models"], shown["skipped_lines"]) == (2, 3)
        assert {m["model"] for m in home.here("models", "--json").json["models"]} == {"good", "with/slash"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("chat", ""), 2),
        (("chat", "   "), 2),
        (("chat", "-m", "nosuch", "hi"), 3),
        (("models", "show", "twin"), 3),
        (("models", "show", "nosuch"), 3),
        (("chat", "--needs", "images", "hi"), 6),
        (("providers", "show", "nosuch"), 3),
        (("providers", "add", "nosuch"), 3),
        (("providers", "add", "a"), 3),
        (("refresh", "nosuch"), 3),
        (("nosuch",), 2),
        (("chat", "--temperature", "9", "hi"), 2),
        (("chat", "--think", "\u00b2", "hi"), 2),
        (("chat", "--think", "9" * 24, "hi"), 2),
        (("chat", "--max-tokens", "9" * 24, "hi"), 2),
        (("route", "--max-cost", "1e999999", "hi"), 2),
        (("route", "--max-cost", "1e-999999", "hi"), 2),
        (("chat", "--max-wait", "soon", "hi"), 2),
        (("route", "--context-size", "big", "hi"), 2),
        (("route", "--max-cost", "much", "hi"), 2),
        (("usage", "--by", "colour"), 2),
        (("usage", "list", "--since", "yesterday-ish"), 2),
        (("--color", "pink", "route"), 2),
        (("--config",), 2),
        (("completion", "tcsh"), 2),
        (("chat", "--show", "nosuch"), 3),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else str(value),
)
def test_each_misuse_has_its_code(home: Home, arguments: tuple[str, ...], code: int) -> None:
    """Each way of getting it wrong ends with the documented code and says what to do."""
    home.write_config(
        provider("a", "http://127.0.0.1:9/v1"),
        provider("b", "http://127.0.0.1:9/v1"),
        model("a/twin"),
        model("b/twin"),
    )
    result = home.here(*arguments)
    assert result.code == code
    clean(result)
    assert len(result.err.splitlines()) >= 2


def test_nothing_configured_says_what_to_do(home: Home) -> None:
    """On a fresh machine chat and route end with 6 and name the command that helps."""
    for command in (("chat", "hi"), ("route", "hi"), ("refresh",)):
        result = home.here(*command)
        assert result.code == 6
        assert "llmpool init" in result.err


def test_an_unreadable_config_is_named(home: Home) -> None:
    """A config that is a directory, or not UTF-8, ends with 4 and its path."""
    home.config.mkdir()
    assert home.here("route", "x").code == 4
    home.config.rmdir()
    home.config.write_bytes(b"default_model = '\xff'")
    result = home.here("route", "x")
    assert result.code == 4
    assert str(home.config) in result.err


def test_a_state_directory_that_cannot_be(home: Home) -> None:
    """A state path that is a file ends with 10; so does a log that cannot be written, after the answer."""
    with FakeServer() as one:
        home.write_config(provider("a", one.url), model("a/m"))
        blocked = home.dir / "file"
        blocked.write_text("")
        result = home.here("refresh", env={"LLMPOOL_STATE_DIR": str(blocked)})
        assert result.code == 10
        clean(result)
        home.here("refresh")
        (home.state / "usage").write_text("not a directory")
        answer = home.here("chat", "hi")
        assert (answer.code, answer.out) == (10, "hello there\n")
        assert "error: usage not recorded: " in answer.err


def test_everything_written_is_private(home: Home, server: FakeServer) -> None:
    """State directories are 0700 and files 0600, whatever the umask."""
    old = os.umask(0)
    try:
        home.write_config(provider("a", server.url))
        home.here("refresh")
        home.here("chat", "--session", "s", "hi")
    finally:
        os.umask(old)
    for path in [home.state, *home.state.rglob("*")]:
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_dead_provider_keeps_its_last_models(home: Home) -> None:
    """A refresh that fails keeps what was known, marked stale, and ends with 9; an optional one with 0."""
    with FakeServer(models=("m1", "m2")) as one:
        home.write_config(provider("a", one.url))
        assert home.here("refresh").code == 0
    result = home.here("refresh")
    assert result.code == 9
    models = home.here("models", "list", "--json").json["models"]
    assert len(models) == 2
    assert all(m["stale_since"] for m in models)
    home.write_config(provider("a", f"http://127.0.0.1:{closed_port()}/v1", optional=True))
    assert home.here("refresh").code == 0


def test_a_key_typed_by_mistake_is_not_repeated(home: Home) -> None:
    """What a command line has too much of is told without what is shaped like a key."""
    home.write_config(provider("a", "http://127.0.0.1:9"))
    for arguments in (
        ("providers", "verify", "a", PLANTED_KEY),
        ("usage", PLANTED_KEY),
        ("refresh", PLANTED_KEY),
    ):
        typed = home.here(*arguments)
        assert typed.code in (2, 3)
        assert not typed.shows(PLANTED_KEY), arguments
        assert not home.here(*arguments, "--json").shows(PLANTED_KEY), arguments
