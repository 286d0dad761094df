"""`llmpool init`: from nothing to a first answer, in an isolated home."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from llmpool.setup import init
from tests.fakes.server import FakeServer
from tests.support import Home, provider

KEY = {"OPENAI_API_KEY": "sk-planted-0123456789abcdefghij"}


@pytest.fixture
def ollama() -> Iterator[FakeServer]:
    """Serve as Ollama does, and in no other way."""
    with FakeServer(speaks=("ollama",)) as server:
        yield server


def test_a_key_variable_becomes_a_provider(home: Home) -> None:
    """A key variable that is set is found and named in a commented config; the key itself is nowhere."""
    result = home.here("init", "--yes", "--no-embedded", env=KEY)
    text = home.config.read_text()
    assert "[providers.openai]" in text
    assert 'key = { env = "OPENAI_API_KEY" }' in text
    assert text.startswith("# ")
    assert home.here("config", "check").code == 0
    assert "planted" not in result.out + result.err
    assert not home.files_with("planted")


def test_a_server_named_by_a_variable_is_found(home: Home, ollama: FakeServer) -> None:
    """A server at OLLAMA_HOST is asked what it has and the first chat works; no tokens are spent."""
    env = {"OLLAMA_HOST": ollama.root}
    result = home.here("init", "--yes", "--no-embedded", env=env)
    assert result.code == 0, result
    assert not ollama.chats
    assert "1 model" in result.err
    assert home.here("chat", "hi").out == "hello there\n"


def test_it_is_safe_to_run_twice(home: Home, ollama: FakeServer) -> None:
    """A second run changes nothing, and never touches what its owner wrote."""
    env = {"OLLAMA_HOST": ollama.root}
    home.here("init", "--yes", "--no-embedded", env=env)
    home.config.write_text(home.config.read_text() + "\n# mine\n")
    before = home.config.read_text()
    again = home.here("init", "--yes", "--no-embedded", env=env)
    assert again.code == 0
    assert home.config.read_text() == before
    assert "nothing to add" in again.err


def test_providers_in_one_line_are_added_to(home: Home) -> None:
    """TOML takes no table beside them; and who has run the same at this moment was first."""
    mine = 'providers = { work = { url = "http://127.0.0.1:9/v1" } } # mine\n'
    home.config.write_text(mine)
    home.here("init", "--yes", "--no-embedded", env=KEY)
    more = ', openai = { key = { env = "OPENAI_API_KEY" } } } # mine\n'
    assert home.config.read_text() == mine.replace(" } # mine\n", more)
    assert init._with_blocks(mine, {"work": "[providers.work]\n"}) == mine


def test_new_finds_are_added_beneath_what_is_there(home: Home, server: FakeServer) -> None:
    """What a later run finds is appended; comments and order of the file stay."""
    home.write_config("# my pool", provider("mine", server.url))
    before = home.config.read_text()
    home.here("init", "--yes", "--no-embedded", env=KEY)
    assert home.config.read_text().startswith(before)
    assert "[providers.openai]" in home.config.read_text()


def test_nothing_found_says_so(home: Home) -> None:
    """With nothing there and the small model refused the run says what it looked at, and ends with 6."""
    result = home.here("init", "--yes", "--no-embedded")
    assert result.code == 6
    assert "nothing found" in result.err
    assert "export OPENAI_API_KEY" in result.err


def test_a_model_on_disk_is_taken_up(home: Home, tmp_path: Path) -> None:
    """A pulled model makes the embedded provider part of the config."""
    pytest.importorskip("xllamacpp")
    from tests.tools.make_tiny_gguf import write_tiny_gguf

    write_tiny_gguf(tmp_path / "tiny.gguf")
    assert home.here("models", "pull", "embedded/tiny", "--from", str(tmp_path / "tiny.gguf")).code == 0
    assert "[providers.embedded]" in home.config.read_text()
    shown = home.here("init", "--yes", "--json")
    assert (shown.code, shown.json["providers"][0]["models"]) == (0, 1)


def test_a_terminal_is_asked_one_question(home: Home, ollama: FakeServer) -> None:
    """On a terminal init asks what should answer first, and writes the answer down."""
    child = home.terminal("init", "--no-embedded", env={"OLLAMA_HOST": ollama.root})
    child.expect("What should answer first")
    child.sendline("3")
    child.expect("wrote")
    child.wait()
    assert "auto_min_quality = 7" in home.config.read_text()
    assert "local_first = false" in home.config.read_text()


def test_a_terminal_with_nothing_found_gets_a_menu(home: Home, server: FakeServer) -> None:
    """With nothing found a terminal offers a key, an address, the toy, or leaving."""
    child = home.terminal("init", "--no-embedded")
    child.expect("2 address of a server")
    child.sendline("2")
    child.expect("address")
    child.sendline(server.url)
    child.expect("1 model")
    child.wait()
    assert home.here("chat", "hi").out == "hello there\n"


def test_add_takes_one_argument(home: Home, server: FakeServer) -> None:
    """`providers add URL` finds out what is there; a preset needs only its name; comments are kept."""
    home.write_config("# first line")
    assert home.here("providers", "add", server.url).code == 0
    text = home.config.read_text()
    assert text.startswith("# first line")
    assert server.url in text
    assert home.here("providers", "add", "groq").code == 0
    shown = home.here("providers", "show", "groq", "--json").json["provider"]
    assert (shown["state"], shown["key"]) == ("no key", "GROQ_API_KEY")
    twice = ("desk", "--url", server.url, "--location", "local", "--force")
    assert home.here("providers", "add", *twice).code == 0
    assert home.here("providers", "show", "desk", "--json").json["provider"]["location"] == "local"
    assert home.here("providers", "remove", "desk").code == 2
    assert home.here("providers", "remove", "desk", "--yes").code == 0
    assert home.config.read_text().startswith("# first line")


def test_a_provider_can_be_changed_by_command(home: Home, server: FakeServer) -> None:
    """`providers set`, `disable`, `enable` edit one table and keep every comment; nonsense is refused."""
    home.write_config("# mine", provider("desk", server.url), "# the end")
    assert home.here("providers", "set", "desk", "--location", "cloud", "--priority", "70").code == 0
    shown = home.here("providers", "show", "desk", "--json").json["provider"]
    assert (shown["location"], shown["priority"]) == ("cloud", 70)
    assert home.here("providers", "disable", "desk").code == 0
    assert home.here("providers", "show", "desk", "--json").json["provider"]["state"] == "disabled"
    assert home.here("providers", "enable", "desk").code == 0
    before = home.config.read_text()
    assert before.startswith("# mine\n")
    assert before.rstrip().endswith("# the end")
    assert home.here("providers", "set", "desk", "--location", "moon").code == 2
    assert home.here("providers", "set", "desk").code == 2
    assert home.here("providers", "set", "nosuch", "--priority", "1").code == 3
    assert home.config.read_text() == before


def test_adding_what_does_not_answer_needs_force(home: Home) -> None:
    """An address where nothing answers is refused, and nothing is written, unless --force says so."""
    assert home.here("providers", "add", "http://127.0.0.1:9").code == 7
    assert not home.config.exists()
    assert home.here("providers", "add", "http://127.0.0.1:9", "--force").code == 9
    assert "127.0.0.1:9" in home.config.read_text()


def test_states_of_providers_are_told_apart(home: Home, server: FakeServer) -> None:
    """`providers list` tells ok, no key, disabled, down and never asked apart."""
    home.write_config(
        provider("good", server.url),
        provider("off", server.url, enabled=False),
        provider("down", "http://127.0.0.1:9/v1"),
        "[providers.groq]\n",
    )
    assert {p["state"] for p in home.here("providers", "list", "--json").json["providers"]} >= {"never asked"}
    assert home.here("refresh").code == 9
    states = {p["id"]: p["state"] for p in home.here("providers", "list", "--json").json["providers"]}
    assert states == {"good": "ok", "off": "disabled", "down": "down", "groq": "no key"}
    assert home.here("providers", "clear", "down").code == 0
    states = {p["id"]: p["state"] for p in home.here("providers", "list", "--json").json["providers"]}
    assert states["down"] == "error"


def test_a_gateways_key_goes_to_the_gateway(home: Home) -> None:
    """A key beside an address is that server's, as other programs read it; the vendor gets none."""
    with FakeServer(["gpt-a"], key=KEY["OPENAI_API_KEY"]) as gateway:
        result = home.here("init", "--yes", "--no-embedded", env=KEY | {"OPENAI_BASE_URL": gateway.url})
    assert f'url = "{gateway.url}"\nkey = {{ env = "OPENAI_API_KEY" }}' in home.config.read_text()
    assert ("1 model" in result.err, "api.openai.com" in result.err) == (True, False)
    assert home.here("config", "check").code == 0


def test_a_program_on_this_machine_stays_what_it_is(home: Home, ollama: FakeServer) -> None:
    """A known program at the address of a variable is no vendor, and the key beside it goes nowhere else."""
    home.here("init", "--yes", "--no-embedded", env=KEY | {"OPENAI_BASE_URL": f"{ollama.root}/v1"})
    text = home.config.read_text()
    assert ('preset = "ollama"' in text, "[providers.openai]" in text) == (True, False)


@pytest.mark.parametrize(
    "url", ["https://x.test/v1?key=abc", "https://me:word@x.test", 'http://a"b', "nonsense words"]
)
def test_an_address_that_is_none_ends_nothing(home: Home, url: str) -> None:
    """What the config would refuse is left out with its key, which is for nobody else; the rest goes on."""
    result = home.here(
        "init", "--yes", "--no-embedded", env=KEY | {"OPENAI_BASE_URL": url, "GROQ_API_KEY": "gsk_planted01"}
    )
    text = home.config.read_text()
    assert (result.code, "[providers.groq]" in text, "[providers.openai]" in text) == (9, True, False)
    assert "OPENAI_BASE_URL names" in result.err
