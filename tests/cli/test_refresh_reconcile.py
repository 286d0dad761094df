"""`refresh --pull` and `--remove-undeclared`: for whom, who is asked, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import Home, finish, model, provider


def table(name: str, server: FakeServer, **fields: Any) -> str:
    """Write the table of an Ollama server."""
    return provider(name, server.root, preset="ollama", format=None, **fields)


def test_a_named_provider_is_the_only_one_that_is_changed(home: Home) -> None:
    """`refresh den` with both options: not one request reaches the other server, whose models stay."""
    library = OllamaLibrary({"p:1": 400})
    with (
        FakeServer(["x:1"], speaks=("ollama",), routes=library.routes()) as den,
        FakeServer(["x:1"], speaks=("ollama",)) as other,
    ):
        tables = table("den", den, prune=True), table("other", other, prune=True)
        home.write_config(*tables, model("den/p:1", pull=True), model("other/p:1", pull=True))
        done = home.here("refresh", "den", "--remove-undeclared", "--pull", "--yes")
        assert other.requests == []
    assert done.code == 0
    assert done.out == "den: added x:1\npulled den/p:1\nremoved den/x:1\n"
    assert (library.pulls, library.deleted) == (["p:1"], ["x:1"])


def test_where_nobody_can_be_asked_nobody_else_is(home: Home) -> None:
    """Off a terminal `--remove-undeclared` takes `--yes`, and without it the network is not touched."""
    with FakeServer(["a:1", "x:1"], speaks=("ollama",)) as server:
        home.write_config(table("den", server, prune=True), model("den/a:1"))
        refused = home.here("refresh", "--remove-undeclared", "--pull")
        assert server.requests == []
        assert (refused.code, refused.out) == (2, "")
        assert "say so beforehand: --yes" in refused.err
        home.write_config(table("den", server), model("den/a:1"))
        kept = home.here("refresh", "--remove-undeclared", "--yes")
    assert (kept.code, kept.out) == (0, "den: added a:1, x:1\n")
    assert "den: 1 undeclared model kept (x:1); to let them go: llmpool providers set den --prune" in kept.err


def test_a_no_keeps_the_report_and_the_pulls(home: Home) -> None:
    """On a terminal the report comes before the question; after a no nothing is removed, the rest goes on."""
    library = OllamaLibrary({"p:1": 400})
    with FakeServer(["x:1"], speaks=("ollama",), routes=library.routes()) as server:
        home.write_config(table("den", server, prune=True), model("den/p:1", pull=True))
        child = home.terminal("refresh", "--remove-undeclared", "--pull")
        child.expect("den: added x:1")
        child.expect(r"remove 1 undeclared model \(x:1|den/x:1\)\? \[y/N\]")
        child.sendline("n")
        ended = finish(child)
    assert ended.code == 0
    assert "nothing is removed" in ended.out
    assert "pulled den/p:1" in ended.out
    assert (library.pulls, library.deleted) == (["p:1"], [])


@pytest.mark.parametrize("json", [False, True])
def test_an_error_after_the_observation_comes_behind_its_report(home: Home, json: bool) -> None:
    """downloads.json is from a newer version: what changed is told all the same, then the error, exit 10."""
    with FakeServer(["x:1"], speaks=("ollama",)) as server:
        home.write_config(table("den", server), model("den/p:1", pull=True))
        home.state.mkdir()
        (home.state / "downloads.json").write_text('{"version": 9, "data": {}}')
        done = home.here("refresh", "--pull", *["--json"] * json)
    assert done.code == 10
    if json:
        assert (done.json["changes"][0]["added"], done.error["kind"]) == (["x:1"], "state")
    else:
        assert done.out == "den: added x:1\n"
        assert done.err.splitlines()[-2].startswith("error: ")
