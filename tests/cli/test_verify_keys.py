"""`providers verify`: which key and which address are tried, and what is said of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.edges.speaking import Asked, Says, Speaking
from tests.support import Home, closed_port

CHAT = "/v1/chat/completions"
LISTING = (200, {"data": [{"id": "m"}]})
FINE = (200, {"id": "x"})
NO = (401, {"error": {"message": "Incorrect API key provided"}})
GATEWAY: dict[str, Says] = {"/v1/models": LISTING, CHAT: FINE}
SHUT: dict[str, Says] = {"/v1/models": NO, CHAT: NO}
KEYS = 'keys = [{ label = "one", env = "A" }, { label = "two", env = "B", enabled = false }]\n'


def for_good(asked: Asked) -> tuple[int, Any]:
    """Answer who brings the key `good`."""
    return FINE if asked.headers.get("authorization") == "Bearer good" else NO


def written(home: Home, url: str, more: str = "") -> None:
    """Write a config with one provider whose format is not said."""
    home.write_config(f'[providers.work] # mine\nurl = "{url}"\n{more}')


def test_a_key_that_works_is_said_to(home: Home) -> None:
    """With a key that was taken; what other formats miss is no complaint."""
    with Speaking({CHAT: for_good}) as server:
        written(home, server.url, 'key = { env = "A" }\n')
        result = home.here("providers", "verify", "work", env={"A": "good"})
    assert result.code == 0
    assert result.out.splitlines()[-1] == 'key OK: "default"'
    assert "it says" not in result.err


def test_a_public_listing_proves_no_key(home: Home) -> None:
    """Where questions are refused the key is not said to be good, and the next one is tried."""
    keys = KEYS.replace("false", "true")
    with Speaking({"/v1/models": LISTING, CHAT: for_good}) as server:
        written(home, server.url, keys)
        bad = home.here("providers", "verify", "work", env={"A": "bad", "B": "worse"})
        good = home.here("providers", "verify", "work", env={"A": "bad", "B": "good"})
    assert (bad.code, "key OK" in bad.out) == (0, False)
    assert 'questions are refused with the key "one"' in bad.err
    assert good.out.splitlines()[-1] == 'key OK: "two"'


def test_one_key_may_be_named(home: Home) -> None:
    """--key tries that one alone, a disabled one too; an unknown label lists those there are."""
    with Speaking({"/v1/models": for_good, CHAT: for_good}) as server:
        written(home, server.url, KEYS)
        keys = {"A": "bad", "B": "good"}
        one = home.here("providers", "verify", "work", "--key", "one", env=keys)
        two = home.here("providers", "verify", "work", "--key", "two", env=keys)
        unknown = home.here("providers", "verify", "work", "--key", "three", env=keys)
    assert (one.code, two.code, unknown.code) == (5, 0, 3)
    assert unknown.err == 'error: work has no key "three"\n  its keys: one, two\n'


def test_an_alternate_that_takes_the_key(home: Home) -> None:
    """It is reported, and --apply remembers it; the configured address stays written as it is."""
    with Speaking(SHUT) as first, Speaking(GATEWAY) as second:
        written(home, first.url, f'key = {{ env = "A" }}\nalternate_urls = ["{second.url}"]\n')
        told = home.here("providers", "verify", "work", env={"A": "k"})
        applied = home.here("providers", "verify", "work", "--apply", "--json", env={"A": "k"})
    assert told.code == 0
    assert f"recommended: format openai at {second.url}" in told.out
    found = applied.json["verification"]
    assert (found["url"], found["ready"], found["key"]) == (second.url, True, "default")
    assert [change["key"] for change in found["changes"]] == ["format", "format_mode"]
    assert f'url = "{first.url}"\n' in home.config.read_text()
    known = json.loads((home.state / "formats.json").read_text())
    assert second.url in json.dumps(known)


def test_a_dead_alternate_hides_no_refusal(home: Home) -> None:
    """The key is refused where somebody is; that nobody is at the alternate is not the news."""
    with Speaking(SHUT) as first:
        written(home, first.url, f'alternate_urls = ["http://127.0.0.1:{closed_port()}"]\n')
        result = home.here("providers", "verify", "work")
    assert result.code == 5


def test_what_was_only_refused_is_not_applied(home: Home) -> None:
    """Behind a closed door any format is a guess; the config stays as it is."""
    with Speaking(SHUT) as server:
        written(home, server.url)
        before = home.config.read_text()
        result = home.here("providers", "verify", "work", "--apply")
    assert (result.code, home.config.read_text()) == (5, before)
    assert not (home.state / "formats.json").exists()


def test_how_to_keep_an_address(home: Home) -> None:
    """The last line is a command, and that command works."""
    with Speaking({"/chat/completions": FINE}) as server:
        result = home.here("providers", "verify", "--url", server.url, "--key-env", "GW", env={"GW": "k"})
        url = f"{server.url}/chat/completions"
        command = f"llmpool providers add server --url {url} --format openai --key-env GW"
        assert result.err.splitlines()[-1] == f"to keep it: {command}"
        home.here(*command.split()[1:], env={"GW": "k"})
    assert "[providers.server]" in home.config.read_text()


def test_a_name_that_is_taken_is_not_proposed(home: Home) -> None:
    """Then the name is the reader's to choose."""
    home.write_config('[providers.server]\nurl = "http://127.0.0.1:9"\n')
    with Speaking(GATEWAY) as server:
        result = home.here("providers", "verify", "--url", server.url)
    assert "to keep it: llmpool providers add ID --url" in result.err


def test_a_certificate_nobody_looks_at_is_warned_of(home: Home) -> None:
    """The address is named, not the id it has inside."""
    url = f"https://127.0.0.1:{closed_port()}"
    result = home.here("providers", "verify", "--url", url, "--no-verify-tls")
    assert result.code == 7
    assert f"warning: {url}: its TLS certificate is not verified\n" in result.err
    assert "verify-candidate" not in result.err


@pytest.mark.parametrize("own", ["", 'preset = "ollama"\n'])
def test_a_preset_that_does_not_fit_any_more(home: Home, own: str) -> None:
    """Where Ollama was, an OpenAI server is now: --apply makes it one, and keeps it local."""
    name = "den" if own else "ollama"
    with Speaking(GATEWAY) as server:
        home.write_config(f'[providers.{name}] # mine\n{own}url = "{server.url}"\n')
        told = home.here("providers", "verify", name)
        assert told.code == 0
        assert "own listing\t/api/tags\t404 not here" in told.out
        assert f"recommended: format openai at {server.url}" in told.out
        assert 'the preset "ollama" does not fit what is there' in told.err
        assert home.here("providers", "verify", name, "--apply").code == 0
        again = home.here("providers", "verify", name, "--json").json["verification"]
        shown = home.here("providers", "show", name, "--json").json["provider"]
    assert (again["changes"], again["ready"]) == ([], True)
    assert (shown["format"], shown["location"]) == ("openai", "local")


def test_a_preset_stays_where_nothing_else_is(home: Home) -> None:
    """When neither its own listing nor anything else is there, nothing is recommended."""
    with Speaking({}) as server:
        home.write_config(f'[providers.den]\npreset = "ollama"\nurl = "{server.url}"\n')
        result = home.here("providers", "verify", "den", "--apply")
    assert result.code == 7
    assert "nothing that could be used answers there" in result.err
    assert 'preset = "ollama"' in home.config.read_text()
