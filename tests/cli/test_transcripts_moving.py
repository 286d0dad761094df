"""What a person should see, part three: a second key, a leaked one, a larger window, a new machine."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest

from tests.cli.planted_home import KeptKeyring
from tests.cli.scene import OPENAI_KEY, Scene, scene
from tests.support import Home, provider

SPARE, NEW = "sk-spare-0123456789-67890", "sk-newer-0123456789-13579"


@pytest.fixture
def den(home: Home) -> Iterator[Scene]:
    """Set the scene, refreshed."""
    with scene(home) as made:
        home.write_config("local_first = true", *made.tables(idle_ttl="10m"))
        assert home.here("refresh").code == 0
        yield made


@pytest.fixture
def ring() -> Iterator[dict[tuple[str, str], str]]:
    """Give a keyring that is unlocked."""
    before, kept = keyring.get_keyring(), {}
    keyring.set_keyring(KeptKeyring(kept))
    yield kept
    keyring.set_keyring(before)


def test_a_second_key(den: Scene, ring: dict[tuple[str, str], str]) -> None:
    """From a pipe into the keyring, with its label; the load is shared by one command."""
    shown = den.home.here(
        "providers", "keys", "add", "openai", "--label", "spare", "--key-stdin", stdin=SPARE
    )
    assert (shown.code, shown.out) == (0, "")
    assert shown.err.startswith('openai: key "spare" (sk-spare...7890) comes from the keyring\n')
    assert SPARE in ring.values()
    assert den.home.files_with(SPARE) == []
    shared = den.seen("config", "set", "providers.openai.key_rotation", "least_used")
    assert "first (default) -> least_used" in shared.err


def test_a_leaked_key(den: Scene, ring: dict[tuple[str, str], str]) -> None:
    """The new one is asked first, the old one is forgotten and shown masked; a bad one changes nothing."""
    den.home.here("providers", "keys", "add", "openai", "--label", "spare", "--key-stdin", stdin=SPARE)
    den.openai.key = NEW
    den.openai.behave(())  # from here on the key counts for chats, too
    replace = ("providers", "keys", "replace", "openai", "spare", "--key-stdin")
    bad = den.home.here(*replace, stdin="sk-wrong-0123456789-00000")
    assert bad.code == 5
    assert SPARE in ring.values()
    shown = den.home.here(*replace, stdin=NEW)
    assert (shown.code, shown.out) == (0, "")
    assert 'openai: key "spare" is replaced (sk-newer...3579, was sk-spare...7890); it works' in shown.err
    assert NEW in ring.values()
    assert SPARE not in ring.values()
    listed = den.home.here("providers", "keys", "list", "--json").json["keys"]
    assert [key["label"] for key in listed] == ["default", "spare"]


def test_a_local_model_is_pulled(den: Scene) -> None:
    """While it comes: how much of how much, how fast, how long still; then it is in the pool."""
    den.library.seconds = 0.4
    with_bar = den.home.here("models", "pull", "den/qwen3:14b")
    assert with_bar == (0, "", "den/qwen3:14b: 9.3 GB, pulled\n")
    told = progress(den, "models", "pull", "den/qwen3:14b")
    assert re.search(r"den/qwen3:14b +\[[#.]+\] +[\d.]+ of 9\.3 GB", told)
    assert "den/qwen3:14b" in den.home.here("models", "list").out


def test_a_pull_says_how_fast_and_how_long(den: Scene) -> None:
    """On a terminal a line says so, in place."""
    den.library.seconds = 0.8
    told = progress(den, "models", "pull", "den/qwen3:14b")
    assert re.search(r"[\d.]+ of 9\.3 GB +\d+ [MG]B/s +\d:\d\d left", told)


def progress(den: Scene, *args: str) -> str:
    """Run a command on a terminal, and return what it wrote over and over."""
    from tests.ttys import terminals

    with terminals():
        return den.home.here(*args, env={"COLUMNS": "110", "NO_COLOR": "1", "TERM": "xterm"}).err


def test_a_larger_window(den: Scene) -> None:
    """How long it took, the window now and before, how much is on the GPU, how long it stays, and --save."""
    den.memory.loaded["qwen3:8b"] = 4096
    den.memory.until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 590))
    den.home.here("refresh", "den")
    shown = den.seen("models", "load", "den/qwen3:8b", "--context", "32k")
    assert (shown.code, shown.out) == (0, "")
    assert re.fullmatch(
        r"den/qwen3:8b: loaded in [\d.]+ s, 32,768 tokens \(was 4,096\), 75 % GPU; "
        r"kept 10 min after last use\.\s+Always: --save\n",  # on a line of its own where there is no room
        shown.err,
    )


def test_the_window_is_sent_again(den: Scene) -> None:
    """Ollama's window is one of each request: the next chat asks for the same and reloads nothing."""
    den.home.here("models", "load", "den/qwen3:8b", "--context", "32k")
    den.home.here("chat", "-m", "den/qwen3:8b", "hi")
    assert den.den.chats[-1].json["options"] == {"num_ctx": 32768}
    assert den.memory.orders == []


def test_leaving_a_machine(den: Scene, ring: dict[tuple[str, str], str]) -> None:
    """The export names the keys that stay, and how to carry them; it holds none."""
    leave(den)
    shown = den.seen("config", "export", "pool.tar")
    assert (shown.code, shown.out) == (0, "")
    assert "keys stay here: openai (OPENAI_API_KEY), work a (keyring)\n" in shown.err
    assert "carry them sealed: --keys (asks for a passphrase)" in shown.err
    assert "llmpool init --from pool.tar" in shown.err
    packed = (den.home.cwd / "pool.tar").read_bytes()
    assert OPENAI_KEY.encode() not in packed
    assert SPARE.encode() not in packed


def leave(den: Scene) -> None:
    """Have a key in a variable and one in the keyring."""
    work = provider(
        "work", "http://gateway.lan:4000/v1", location="cloud", keys=[{"label": "a", "keyring": True}]
    )
    den.home.write_config("# my pool", "local_first = true", *den.tables(), work)
    keyring.set_password("llmpool", "work/a", SPARE)
    den.home.here("policy", "set", "openai/gpt-4.1", "--no-routable", "--reason", "old")


def test_arriving_at_another(den: Scene, ring: dict[tuple[str, str], str], tmp_path: Path) -> None:
    """Config, comments and policies are there; each key that is not says what to type."""
    leave(den)
    den.home.here("config", "export", "pool.tar")
    new = Home(tmp_path / "new")
    shutil.copy(den.home.cwd / "pool.tar", new.cwd / "pool.tar")
    ring.clear()
    new.env |= {name: den.home.env[name] for name in ("NO_PROXY", "no_proxy")}
    den.home = new
    shown = den.seen("init", "--from", "pool.tar")
    assert (shown.code, shown.out) == (0, "")
    assert "openai: set OPENAI_API_KEY\n" in shown.err
    assert re.search(r'work: .*(key "a"|\(a\)|work a)', shown.err)
    assert "den: 1 model\n" in shown.err
    assert new.config.read_text().startswith("# my pool\n")
    policies = json.loads(new.here("policy", "show", "--json").out)
    assert "openai/gpt-4.1" in str(policies)
