"""The rest of the worked examples of reconcile-resolve 18: keys (C6), immutable groups (C11), types (C17)."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.config.paths import find_paths
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.discovery.refresh import refresh
from llmpool.errors import ConfigInvalid, UnknownName
from llmpool.pool import Pool
from llmpool.setup import groups
from llmpool.setup.groups import Wish as Change
from llmpool.setup.providers import Wish, add
from tests.fakes.server import FakeServer
from tests.support import PLANTED_KEY, model, provider

T0 = 1_790_000_000.0
NOWHERE = "http://127.0.0.1:9/v1"


def open_pool(directory: Path, *tables: str, **env: str) -> Pool:
    """Open the pool that *tables* configure."""
    config = directory / "config.toml"
    config.write_text("\n".join(tables))
    return Pool(find_paths(env, str(config), str(directory / "state")), env, lambda: T0)


def test_c6_a_key_in_a_variable_is_sent_as_bearer(tmp_path: Path) -> None:
    """C6: {APIKeyEnv: K} with K=sk is `Bearer sk`; nothing of it is in the state."""
    with FakeServer(key="sk") as server:
        report = refresh(open_pool(tmp_path, provider("a", server.url, key={"env": "K"}), K="sk"))
        assert server.listings[0].headers["authorization"] == "Bearer sk"
    assert (report.failed, report.observed[0].error) == ((), "")


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ('key = "sk-literal-0123456789"', "literal"),
        ('key = { env = "K" }\nkeys = [{ env = "K2" }]', "keys"),
    ],
)
def test_c6_a_literal_key_and_two_key_forms_are_errors(tmp_path: Path, written: str, said: str) -> None:
    """C6 lets {APIKey: a, APIKeyEnv: K} mean a; DESIGN 3.4 refuses a key in the file, and both forms at once.

    The words never repeat the key.
    """
    with pytest.raises(ConfigInvalid) as refused:
        _ = open_pool(tmp_path, f'[providers.a]\nurl = "{NOWHERE}"\n{written}\n').config
    told = " ".join((refused.value.message, *refused.value.lines, refused.value.hint))
    assert said in told
    assert "sk-literal" not in told


def test_c6_a_vendor_is_configured_by_its_name_and_a_variable(tmp_path: Path) -> None:
    """C6, configure(openai, apiKeyEnv=OPENAI_API_KEY): the vendor's URL, no key in the config, its default.

    Without a key it is configured too and reported as without one (ruling 7), where the source refuses it.
    """
    pool = open_pool(tmp_path, OPENAI_API_KEY=PLANTED_KEY)
    assert add(pool, Wish("openai", key_env="OPENAI_API_KEY")) == "openai"
    found = pool.provider("openai")
    assert (found.url, found.keys[0].source, found.keys[0].env) == (
        "https://api.openai.com/v1",
        "env",
        "OPENAI_API_KEY",
    )
    assert PLANTED_KEY not in pool.paths.config.read_text()
    assert "openai" not in pool.facts().keyless
    assert open_pool(tmp_path, "[providers.openai]\n").facts().keyless == {
        "openai": "no key: OPENAI_API_KEY is not set"
    }


def test_c6_ollama_needs_no_key(tmp_path: Path) -> None:
    """C6, configure(ollama, nothing): configured, no secret; this machine goes by its name here."""
    pool = open_pool(tmp_path)
    assert add(pool, Wish("ollama")) == "ollama"
    found = pool.provider("ollama")
    assert (found.url, found.keys, found.needs_key) == ("http://localhost:11434", (), False)
    assert found.location == "local"
    assert pool.facts().keyless == {}


def test_c11_no_group_is_immutable(tmp_path: Path) -> None:
    """C11's embed pool has no place: a group is what its owner names, and serves one purpose (DESIGN 3.4).

    One of the source's own name is changed and removed like any other.
    """
    pool = open_pool(tmp_path, provider("b1", NOWHERE), provider("b2", NOWHERE), model("b1/m1"))
    name = "internal_embed_group"
    groups.save(pool, name, Change(given=("b1",)), Change(given=("m1",)))
    changed = groups.save(pool, name, Change(more=("b2",)), Change(every=True))
    assert (changed.group.providers, changed.group.models) == (("b1", "b2"), None)
    groups.remove(pool, name)
    assert groups.survey(pool) == []


def test_c17_a_request_names_providers_and_groups_and_never_types(tmp_path: Path) -> None:
    """C17's lists of types are gone with the adapter: DESIGN 3.1 has no option for them, and 2 no such word.

    Its () and ("") are a request that restricts nothing, and all take part. Its ("nope"), which was an empty
    list there, is an unknown name here (exit 3).
    """
    tables = (provider("b1", NOWHERE), provider("b2", NOWHERE), model("b1/m"), model("b2/m"))
    pool = open_pool(tmp_path, *tables)
    for request in (RouteRequest(), RouteRequest(prefer="", group="", exclude=())):
        assert {each.deployment for each in decide(pool, request).decision.candidates} == {"b1/m", "b2/m"}
    for request in (RouteRequest(prefer="nope"), RouteRequest(group="nope"), RouteRequest(exclude=("nope",))):
        with pytest.raises(UnknownName):
            decide(pool, request)
