"""Every JSON document is as its committed schema says: each command that prints one is run here.

`tests/cli/conftest.py` holds each document to its schema, and lets no field pass that the schema is silent
about; a test here names the documents that it has to meet.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from llmpool.setup import login as logging_in
from tests import schemas
from tests.fakes.loading import LMStudioMemory
from tests.fakes.oauth import FakeOAuth
from tests.fakes.pulling import OllamaLibrary
from tests.fakes.server import FakeServer
from tests.support import Home, Result, model, provider
from tests.trials import WORKED, configured, install

ASKED = {
    *(
        "chat",
        "chat-batch",
        "chat-list",
        "chat-show",
        "chat-export",
        "route",
        "route-replay",
        "route-batch",
        "models-list",
        "models-set",
    ),
    *("models-list-registry", "models-show", "models-probe", "refresh", "doctor", "error"),
}
COUNTED = {
    *(
        "usage-summary",
        "usage-list",
        "usage-decisions",
        "usage-prune",
        "usage-reprice",
    ),
    *("usage-export", "usage-import", "usage-prices-list", "usage-prices-list-own", "usage-prices-show"),
    *("usage-prices-set", "usage-prices-unset", "usage-prices-update"),
}
DECIDED = {
    *("policy-show", "policy-set", "policy-clear", "policy-export", "policy-apply", "policy-simulate"),
    *(
        "policy-budget-list",
        "policy-budget-set",
        "policy-group-list",
        "policy-group-set",
        "policy-group-remove",
    ),
}
PROVIDED = {
    *("providers-list", "providers-show", "providers-add", "providers-set", "providers-enable"),
    *("providers-disable", "providers-remove", "providers-clear", "providers-presets", "providers-verify"),
    *("providers-limits", "providers-dedupe", "providers-import"),
}
KEYED = {
    f"providers-keys-{verb}" for verb in ("list", "add", "replace", "remove", "enable", "disable", "encrypt")
}
LOGGED_IN = {"providers-login", "providers-logout", "providers-trial-status", "providers-trial-install"}
HELD = {"models-pull", "models-pull-list", "models-load", "models-ps"}
WRITTEN = {
    *("init", "config-show", "config-path", "config-check", "config-get", "config-set", "config-unset"),
    "config-export",
}
PLAYED = ASKED | COUNTED | DECIDED | PROVIDED | KEYED | LOGGED_IN | HELD | WRITTEN
Player = Callable[..., Result]


@pytest.fixture
def play(home: Home) -> Player:
    """Run a command with `--json`, and expect it to end well."""

    def run(line: str, *, stdin: str | None = None, code: int = 0, **env: str) -> Result:
        result = home.here(*line.split(), "--json", stdin=stdin, env=env)
        assert result.code == code, (line, result)
        return result

    return run


def test_each_document_has_a_schema_and_is_met_here() -> None:
    """A command that learns --json has to be described, and run by a test of this file."""
    assert schemas.names() == schemas.commands() | schemas.variants() | {"error"}
    assert schemas.names() == PLAYED


def test_a_schema_tells_what_each_field_is() -> None:
    """Every field has words, every document its schema number; a field of a later version passes."""
    for name in schemas.names():
        schema = schemas.read(name)
        assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
        assert (schema["title"], bool(schema["description"])) == (name, True)
        silent = [path for path, node in schemas.fields(schema) if not node.get("description")]
        assert silent == [], name
    later = {"schema": 1, "removed": "g", "later": 1}
    schemas.loose("policy-group-remove")(later)
    with pytest.raises(AssertionError, match=r"policy-group-remove.json does not describe .*later"):
        schemas.check(("policy", "group", "remove", "g"), later)


def test_where_the_schemas_are(home: Home) -> None:
    """A person is told the file for an editor, and the directory for scripts; both at once are refused."""
    home.write_config("broken =")  # an editor is wanted most where the config does not load
    file = Path(home.here("config", "path", "--schema").out.strip())
    assert json.loads(file.read_text(encoding="utf-8"))["title"] == "llmpool config.toml"
    place = Path(home.here("config", "path", "--schemas").out.strip())
    assert {path.stem for path in place.iterdir()} == schemas.names()
    assert home.here("config", "path", "--schema", "--schemas").code == 2


def test_what_is_asked(home: Home, server: FakeServer, play: Player, documents_seen: set[str]) -> None:
    """Chat, route, models and what observes them."""
    home.write_config(provider("a", server.url), model("a/m"))
    for line in (
        *("refresh", "chat x", "chat --session s x", "chat --dry-run x", "chat --list", "chat --show s"),
        "chat --export s",
        *("route --record x", "route --last", "route --replay last", "models", "models --registry"),
        *("models show a/m", "models set a/m --quality 3", "models probe --yes"),
    ):
        play(line)
    play("chat --batch -", stdin='{"prompt": "x"}\n')
    play("chat --batch - --dry-run", stdin='{"prompt": "x"}\n')
    play("route --batch -", stdin='{"query": "x"}\n[]\n', code=2)
    play("doctor")
    play("route -m nosuch x", code=3)
    assert documents_seen >= ASKED


def test_what_is_counted(home: Home, server: FakeServer, play: Player, documents_seen: set[str]) -> None:
    """Usage and prices."""
    home.write_config(
        f'prices_url = "{server.root}/p.json"', provider("a", server.url, location="cloud"), model("a/m")
    )
    for line in (
        *("usage prices set a/m 1 2", "chat x", "usage prices", "usage prices list --own"),
        *("usage prices show a/m", "usage", "usage --by tag", "usage list", "usage decisions"),
        *("usage prune --keep 1d --dry-run", "usage reprice", "usage export -o all.jsonl"),
        *("usage import all.jsonl", "usage prices unset a/m --yes"),
    ):
        play(line)
    play("usage prices update", code=9)
    assert documents_seen >= COUNTED


def test_what_is_decided(home: Home, server: FakeServer, play: Player, documents_seen: set[str]) -> None:
    """Policies, groups and budgets: a change shows before and after, an export is what `apply` reads."""
    home.write_config(provider("a", server.url), model("a/m"))
    play("chat x")
    change = play("policy set a --state flagged").json["changes"][0]
    assert (change["before"], change["after"]["state"]) == (None, "flagged")
    for line in (
        *("policy set a --state active --dry-run", "policy", "policy show a", "policy show a/m"),
        *("policy group set g --provider a", "policy group", "policy budget set 5/day", "policy budget list"),
        *("policy", "policy simulate --strategy cost", "policy group remove g --yes"),
    ):
        play(line)
    exported = play("policy export").out
    play("policy apply -", stdin=exported)
    assert play("policy clear a").json["changes"][0]["after"] is None
    assert documents_seen >= DECIDED


def test_what_is_done_to_providers(
    home: Home, server: FakeServer, play: Player, documents_seen: set[str]
) -> None:
    """Providers, as they are and as they are changed."""
    home.write_config(provider("a", server.url), provider("twin", server.url), model("a/m"))
    for line in (
        *("providers list", "providers show a", "providers presets", "providers verify a"),
        *("providers dedupe --dry-run", "providers set a --rpm 3", "providers disable a"),
        *("providers enable a", "providers clear --all", "providers import", "providers remove twin --yes"),
    ):
        play(line)
    play("providers limits")
    play(f"providers add b --url {server.root}/elsewhere/v1 --force", code=9)
    offline = play("--offline providers add c --url http://127.0.0.1:9/v1 --force").json["provider"]
    assert offline == {"id": "c", "location": "cloud", "models": None, "error": None}
    assert documents_seen >= PROVIDED


def test_what_is_done_to_keys(home: Home, server: FakeServer, play: Player, documents_seen: set[str]) -> None:
    """Keys: added, replaced, switched, encrypted and removed."""
    home.write_config(provider("a", server.url))
    kept = "--key-stdin --keep file --plaintext"
    play(f"providers keys add a --label x {kept}", stdin="sk-planted-000000000001\n")
    play("providers keys")
    play("providers keys disable a x")
    play("providers keys enable a x")
    play(f"providers keys replace a x --no-verify {kept}", stdin="sk-planted-000000000002\n")
    play("providers keys encrypt", LLMPOOL_STATE_KEY="01234567890123456789012345678901")
    play("providers keys remove a x --yes", LLMPOOL_STATE_KEY="01234567890123456789012345678901")
    assert documents_seen >= KEYED


def test_who_logs_in(
    home: Home, play: Player, documents_seen: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Accounts and trials."""
    manners = logging_in.Manners
    monkeypatch.setattr(logging_in, "Manners", lambda show, left: manners(show, left, lambda _: None))
    with FakeServer(["m"], speaks=("copilot",)) as server:
        home.write_config(FakeOAuth(server).table("copilot"))
        play("providers login copilot --keep file --plaintext")
        play("providers show github-copilot")
        play("providers limits")
        play("providers logout copilot")
    assert install(configured(home), WORKED, "--json").code == 0
    play("providers trial status")
    assert documents_seen >= LOGGED_IN


def test_what_a_machine_holds(home: Home, play: Player, documents_seen: set[str]) -> None:
    """Refreshing with the catalog, pulling, the queue, and what is in memory."""
    library, memory = OllamaLibrary({"b": 100}), LMStudioMemory({"big": 131072}, {"big": 4096})
    with (
        FakeServer(["a:1"], speaks=("ollama",), routes=library.routes()) as den,
        FakeServer(["big"], speaks=["lmstudio"], routes=memory.routes) as lm,
    ):
        den.routes["/c.json"] = lambda exchange: exchange.send(200, {"models": {"openai": [{"id": "gpt"}]}})
        home.write_config(
            f'catalog_url = "{den.root}/c.json"',
            provider("den", den.root, preset="ollama", format=None),
            provider("lm", lm.root, preset="lmstudio", format=None),
        )
        for line in (
            *("refresh --catalog --accounts --pull", "models pull den/b", "models pull"),
            *("models pull --list", "models ps", "models load lm/big --context 8k"),
        ):
            play(line)
    assert documents_seen >= HELD


def test_what_is_written(
    home: Home, own_home: Path, server: FakeServer, play: Player, documents_seen: set[str]
) -> None:
    """The config, and the move to another machine."""
    home.write_config(provider("a", server.url), model("a/m"))
    for line in (
        *("config", "config path", "config check", "config get default_model", "config get routing"),
        *("config set default_model a/m", "config unset default_model", "init --yes --no-embedded"),
    ):
        play(line)
    text = play("config export").json["text"]
    other = Home(own_home.parent / f"{own_home.name}-other")
    assert other.here("init", "--from", "-", "--json", stdin=text).code == 0
    assert documents_seen >= WRITTEN


def test_changes_by_command_tell_what_they_did(home: Home) -> None:
    """What a command says on stderr is one document with `--json`, and nothing is said beside it."""
    home.write_config(
        'default_model = "b/m"\n[routing]\nfallbacks = ["b/m"]\n[groups.g]\nproviders = ["a"]',
        provider("a", "http://127.0.0.1:9/v1"),
        provider("b", "http://127.0.0.1:9/w"),
        model("a/m"),
    )

    def told(*command: str) -> dict[str, Any]:
        result = home.here(*command, "--json")
        assert (result.code, result.err) == (0, ""), command
        document: dict[str, Any] = result.json
        return document

    done = told("providers", "set", "b", "--rpm", "3", "--unset", "timeout")["provider"]
    assert done == {
        "id": "b",
        "set": {"rate_limit.rpm": 3, "timeout": None},
        "changed": True,
        "dry_run": False,
    }
    done = told("providers", "disable", "b", "--dry-run")["provider"]
    assert (done["set"], done["enabled"], done["dry_run"], len(done["named_by"])) == (
        {"enabled": False}, False, True, 2,
    )  # fmt: skip
    assert [told("providers", "enable", "b")["provider"]["changed"] for _ in range(2)] == [True, False]
    assert told("providers", "clear", "--all")["cleared"] == ["a", "b"]
    done = told("models", "set", "a/m", "--quality", "3", "--alias", "small")
    assert done["model"]["id"] == "a/m"
    assert (done["model"]["quality"], done["model"]["aliases"], done["notes"]) == (3, ["small"], [])
    assert told("policy", "group", "remove", "g", "--yes")["removed"] == "g"
    gone = home.here("providers", "remove", "b", "--yes", "--json").json
    assert (gone["removed"], len(gone["taken_out"]), gone["still_named"]) == ("b", 2, [])


def test_the_listing_is_the_same_whole_or_filtered(home: Home, server: FakeServer) -> None:
    """`models list --json` prints its entries as compiled; a filter that lets all pass changes nothing."""
    home.write_config(provider("a", server.url), model("a/m"), model("a/n", quality=3))
    whole = home.here("models", "list", "--json").json
    assert whole == home.here("models", "list", "--min-quality", "0", "a", "--json").json
    assert whole["models"][0]["id"] == "a/m"
