"""`llmpool providers add` and `set`: what is wrong on the command line is told of the command line."""

from __future__ import annotations

import pytest

from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, Home, provider

URL = "http://127.0.0.1:9/v1"
MISTAKES = {
    "format": (("--url", URL, "--format", "copilott"), "--format", 'did you mean "copilot"?'),
    "password": (("--url", "http://me:hunter2pass@127.0.0.1:9/v1"), "--url", "--key-env NAME"),
    "no url": (("--url", "127.0.0.1:9"), "--url", "https://host/v1"),
    "location": (("--url", URL, "--location", "moon"), "--location", "cloud, local"),
    "a key": (("--url", URL, "--key-env", PLANTED_KEY), "--key-env", "export NAME=..."),
    "no variable": (("--url", URL, "--key-env", "$WORK"), "--key-env", "export NAME=..."),
}


@pytest.mark.parametrize(("options", "option", "way_out"), MISTAKES.values(), ids=MISTAKES)
@pytest.mark.parametrize("verb", ["add", "set"])
def test_a_mistaken_option_is_named_with_the_way_out(
    home: Home, verb: str, options: tuple[str, ...], option: str, way_out: str
) -> None:
    """The exit code is that of a wrong command line, no secret is repeated, and the config stays."""
    home.write_config(provider("desk", URL))
    before = home.config.read_text()
    name = "den" if verb == "add" else "desk"
    result = home.here("providers", verb, name, *options)
    assert result.code == 2, result
    assert option in result.err
    assert way_out in result.err
    assert not any(result.shows(secret) for secret in (PLANTED_KEY, "hunter2pass"))
    assert home.config.read_text() == before


def test_a_priority_out_of_range_is_named(home: Home) -> None:
    """`set` reads numbers as the config does."""
    home.write_config(provider("desk", URL))
    result = home.here("providers", "set", "desk", "--priority", "99999")
    assert result.code == 2, result
    assert "--priority" in result.err


def test_an_address_with_a_password_is_never_asked(home: Home) -> None:
    """An address alone is read as a URL of the config is before anybody is asked there."""
    result = home.here("providers", "add", "http://me:hunter2pass@127.0.0.1:9", "--force")
    assert result.code == 2, result
    assert not result.shows("hunter2pass")
    assert home.files_with("hunter2pass") == []


def test_a_server_that_is_configured_is_not_added_under_another_id(home: Home, server: FakeServer) -> None:
    """Section 2 of reconcile-resolve: a duplicate of type and address is refused, and told who it is.

    Whatever way the address is spelt, and before anybody is asked; another key makes it another provider.
    """
    address = server.url.removesuffix("/v1")
    port = address.rpartition(":")[2]
    home.write_config(provider("den", server.url), provider("off", "http://127.0.0.1:9/v1", enabled=False))
    before = home.config.read_text()
    for name in (f"http://localhost:{port}/", server.url, f"127.0.0.1:{port}"):
        again = home.here("providers", "add", name)
        assert (again.code, again.out) == (2, ""), again
        assert again.err.startswith(f"error: den is that server already: {server.url}\n")
        assert "llmpool providers show den" in again.err
    named = home.here("providers", "add", "work", "--url", server.url, "--format", "openai")
    assert (named.code, "den is that server already" in named.err) == (2, True)
    shut = home.here("providers", "add", "http://127.0.0.1:9")
    assert "off, disabled, is that server already" in shut.err
    assert "llmpool providers enable off" in shut.err
    assert (home.config.read_text(), server.requests) == (before, [])
    other = home.here("providers", "add", "work", "--url", server.url, "--key-env", "K", env={"K": "x"})
    assert (other.code, "work" in other.err) == (0, True)
    assert home.here("providers", "add", server.url, "--force").code == 0
    ids = [row["id"] for row in home.here("providers", "--json").json["providers"]]
    assert sorted({"den", "off", "work"} & set(ids)) == ["den", "off", "work"]
    assert len(ids) == 4
