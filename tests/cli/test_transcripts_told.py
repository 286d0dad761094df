"""What a person should see, part four: the small print, each of which a first version left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

import keyring
import pytest

from tests.cli.planted_home import KeptKeyring
from tests.cli.scene import OPENAI_KEY, Scene, scene
from tests.support import Home, model


@pytest.fixture
def den(home: Home) -> Iterator[Scene]:
    """Set the scene, with a keyring that is unlocked."""
    before = keyring.get_keyring()
    keyring.set_keyring(KeptKeyring({}))
    with scene(home) as made:
        yield made
    keyring.set_keyring(before)


def test_a_key_can_be_pasted_into_the_menu(den: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first thing offered where nothing was found: whose it is, then the key itself, unseen."""
    den.home.config.unlink()
    del den.home.env["OPENAI_API_KEY"]
    monkeypatch.setattr("getpass.getpass", lambda *_args, **_more: OPENAI_KEY)
    shown = den.seen("init", typed="1\n\n", env={"HTTPS_PROXY": "http://127.0.0.1:9"})
    assert re.search(r"looked at \d+ key variables, \d+ addresses, \d+ other tools: nothing found", shown.err)
    assert "1 paste an API key   2 address of a server   3 small model here (98 MB, toy quality)" in shown.err
    assert 'openai: key "default" (sk-secre...2345) comes from the keyring' in shown.err
    assert den.home.files_with(OPENAI_KEY) == []


def test_a_box_is_called_after_its_host(den: Scene) -> None:
    """What is in its memory is told, with its window."""
    den.home.config.unlink()
    del den.home.env["OPENAI_API_KEY"]
    shown = den.seen("init", "--yes", "--no-embedded", env={"OLLAMA_HOST": "http://den.lan:11434"})
    assert shown.code == 0
    assert re.search(
        r"^den +http://den\.lan:11434 +1 model, qwen3:8b loaded at 32k$", shown.err, re.MULTILINE
    )


def test_what_a_second_key_is_for(den: Scene) -> None:
    """When it is used, and the command that shares the load; said once there are two."""
    add = ("providers", "keys", "add", "openai", "--label", "spare", "--key-stdin")
    told = den.home.here(*add, stdin="sk-spare-0123456789-67890").err
    assert 'used only when "default" is limited or refused' in told
    assert "share the load: llmpool config set providers.openai.key_rotation least_used" in told


def test_where_an_old_key_is_revoked(den: Scene) -> None:
    """The vendor's page, and that history is kept."""
    den.home.here(
        "providers", "keys", "add", "openai", "--label", "spare", "--key-stdin", stdin="sk-spare-0123456789-1"
    )
    replaced = ("providers", "keys", "replace", "openai", "spare", "--key-stdin")
    told = den.home.here(*replaced, stdin="sk-newer-0123456789-13579").err
    assert "its history is kept" in told
    assert "revoke the old one: https://platform.openai.com/api-keys" in told


def test_a_private_prompt_while_the_box_is_down(den: Scene) -> None:
    """The box and what it said, who runs elsewhere, who is kept out by what, and two ways on; 6."""
    den.den.models.append({"name": "gpt-oss:120b-cloud", "remote_host": "https://ollama.com"})
    den.home.write_config("local_first = true", *den.tables(), model("den/qwen3:8b", quality=6))
    den.home.here("refresh")
    den.close_den()
    den.home.here("refresh", "den")
    shown = den.home.here("chat", "Summarise", stdin="salary", env={"LLMPOOL_LOCAL_ONLY": "1"})
    assert (shown.code, shown.out) == (6, "")
    assert "error: nothing local can answer; nothing was sent\n" in shown.err
    lines = " ".join(shown.err.split())
    assert "den/qwen3:8b den.lan:11434: connection refused" in lines
    assert "den/gpt-oss:120b-cloud forwarded by its server" in lines
    assert "3 deployments excluded by LLMPOOL_LOCAL_ONLY" in lines
    assert "wake den, or: llmpool models pull embedded/smollm2-135m" in lines
    assert not den.openai.chats


def test_why_a_conversation_stays_where_it_is(den: Scene) -> None:
    """Its score alone would not explain it: the winner says that its cache is warm."""
    den.home.here("refresh")
    den.seen("chat", "-m", "openai/gpt-5", "Compare rsync and restic for a NAS")
    den.seen("chat", "-c", "and on Windows?")
    told = den.seen("route", "--last").out
    assert re.search(
        r"^> +-?\d+ +openai/gpt-5 +kept: its prompt cache is warm, base \+20", told, re.MULTILINE
    )
