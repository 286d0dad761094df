"""setup.provider_edit and setup.leaving: every field by command, and what hangs on a provider."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from llmpool.config import edit
from llmpool.config.paths import find_paths
from llmpool.config.schema import PROVIDER
from llmpool.core.deployment import ObservedModel
from llmpool.core.inventory import Probe, ProviderInventory
from llmpool.errors import Misuse, UnknownName
from llmpool.pool import Pool
from llmpool.setup import configfile, leaving, providers
from llmpool.setup.provider_edit import PARTS, Lists, Step, Wish, apply, change
from llmpool.setup.providers import matching_presets
from llmpool.state import inventory

CONFIG = """\
# the pool at home
default_model = "den/a"   # mine
recovery_model = "small"

[routing]
fallbacks = ["den/b", "sky/m"]

[providers.den]   # under the stairs
url = "http://127.0.0.1:9/v1" # not the other one
allowed_models = ["a*", "b"]
# the end of den

[providers.sky]
url = "http://127.0.0.1:9/v1"

[[models]]
id = "den/a"
quality = 6
aliases = ["small"]

[[models]]
id = "sky/m"

[groups.family]
providers = ["den"]
[groups.work]
providers = ["sky", "den"]
[profiles.quick]
prefer = "den"
[budgets.daily]
limit = "5"
scope = "den"
"""


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    """Give a pool with that config."""
    config = tmp_path / "config.toml"
    config.write_text(CONFIG)
    return Pool(find_paths({}, str(config), str(tmp_path / "state")), {}, lambda: 1.8e9)


def text(pool: Pool) -> str:
    """Read the config as it is."""
    return pool.paths.config.read_text()


def den(pool: Pool) -> dict[str, Any]:
    """Read the table of den."""
    table: dict[str, Any] = tomllib.loads(text(pool))["providers"]["den"]
    return table


FIELDS: dict[str, Any] = {
    "url": "http://127.0.0.1:8/v1",
    "name": "The den",
    "preset": "ollama",
    "format": "ollama",
    "format_mode": "auto",
    "location": "local",
    "priority": 60,
    "optional": True,
    "key_rotation": "round_robin",
    "auth": "bearer",
    "api_version": "2023-06-01",
    "metadata": "catalog",
    "verify_tls": False,
    "project": "p-1",
    "idle_ttl": "10m",
    "prune": True,
    "timeout": "60s",
    "connect_timeout": "3s",
    "first_token_timeout": "30s",
    "read_timeout": "90s",
    "total_timeout": "5m",
    "supports_tools": False,
    "supports_streaming": True,
    "supports_images": False,
}
OF_TABLES: dict[str, Any] = {
    "rpm": 60,
    "tpm": 90000,
    "rpd": 1000,
    "tpd": 2000000,
    "reset_tz": "America/Los_Angeles",
    "temperature": 0.2,
    "top_p": 0.9,
    "frequency_penalty": 0.5,
    "presence_penalty": -0.5,
    "max_tokens": 2048,
    "thinking": "off",
}


def test_every_field_can_be_set_and_taken_out_again(pool: Pool) -> None:
    """All fields of the table are reached, and after taking all out the file is what it was before."""
    change(pool, "den", Wish(fields=FIELDS | OF_TABLES))
    table = den(pool)
    assert {name: table[name] for name in FIELDS} == FIELDS
    assert {**table["rate_limit"], **table["params"]} == OF_TABLES
    gone = tuple(name for name in {**FIELDS, **OF_TABLES} if name != "url")
    change(pool, "den", Wish(unset=gone))
    apply(pool, "den", (Step(("url",), "http://127.0.0.1:9/v1"),))
    assert tomllib.loads(text(pool)) == tomllib.loads(CONFIG)
    assert all(comment in text(pool) for comment in ("# mine", "# not the other one", "# the end of den"))


def test_no_field_of_the_config_is_out_of_reach() -> None:
    """What `set` does not take has a command or an option of its own."""
    elsewhere = {
        "enabled",
        "key",
        "keys",
        "headers",
        "allowed_models",
        "alternate_urls",
        "rate_limit",
        "params",
    }
    assert set(PROVIDER) == set(FIELDS) | elsewhere
    assert {part for parts in PARTS.values() for part in parts} == set(OF_TABLES)


def test_lists_grow_and_shrink_by_their_members(pool: Pool) -> None:
    """Allowing twice is allowing once; the last address that is taken out takes the list out.

    Not so the last pattern: no list allows all, and with them what was to be disallowed.
    """
    change(
        pool, "den", Wish(lists=Lists(allow=("c", "b"), disallow=("a*",), urls=("http://127.0.0.1:7/v1",)))
    )
    assert den(pool)["allowed_models"] == ["b", "c"]
    assert den(pool)["alternate_urls"] == ["http://127.0.0.1:7/v1"]
    change(pool, "den", Wish(lists=Lists(disallow=("b",), no_urls=("http://127.0.0.1:7/v1",))))
    assert (den(pool)["allowed_models"], den(pool).get("alternate_urls")) == (["c"], None)
    change(pool, "den", Wish(unset=("allowed_models",)))
    assert "allowed_models" not in den(pool)


def test_headers_are_set_one_by_one(pool: Pool) -> None:
    """A plain one, one from a variable, and one taken out again."""
    change(pool, "den", Wish(headers=("X-Team=search=1",), header_envs=("X-Tenant=TENANT",)))
    assert den(pool)["headers"] == {"X-Team": "search=1", "X-Tenant": {"env": "TENANT"}}
    change(pool, "den", Wish(unset=("headers.X-Team",)))
    assert den(pool)["headers"] == {"X-Tenant": {"env": "TENANT"}}
    change(pool, "den", Wish(unset=("headers.X-Tenant",)))
    assert text(pool) == CONFIG


MISTAKES = {
    "nothing": (Wish(), "nothing to change"),
    "the last that is allowed": (
        Wish(lists=Lists(disallow=("a*", "b"))),
        "without its last pattern den would be allowed all its models",
    ),
    "no such member": (Wish(lists=Lists(disallow=("zz",))), '"zz" is not in allowed_models of den'),
    "no field": (Wish(unset=("prioriy",)), '"prioriy" is no field'),
    "no part": (Wish(unset=("rate_limit.colour",)), "is no field"),
    "not to be unset": (Wish(unset=("enabled",)), "is no field"),
    "no header": (Wish(headers=("X-Team",)), "--header is NAME=VALUE"),
    "a secret": (Wish(headers=("Authorization=Bearer sk-0123456789abcdef",)), "--header: a secret"),
    "a bad variable": (Wish(header_envs=("X-Team=not a name",)), "--header-env"),
    "a number": (Wish(fields={"rpm": 0}), "--rpm"),
    "a time": (Wish(fields={"read_timeout": "soon"}), "--read-timeout"),
    "a bad URL": (Wish(lists=Lists(urls=("nowhere",))), "alternate_urls"),
    "both ways": (Wish(key_env="K", unset=("key",)), "contradict"),
    "a list both ways": (Wish(lists=Lists(allow=("c*",)), unset=("allowed_models",)), "contradict"),
    "a part both ways": (Wish(fields={"rpm": 5}, unset=("rate_limit",)), "contradict"),
}


@pytest.mark.parametrize(("wish", "said"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_named_and_nothing_is_written(pool: Pool, wish: Wish, said: str) -> None:
    """Exit code 2, the option, and never the secret."""
    with pytest.raises(Misuse) as caught:
        change(pool, "den", wish)
    assert said in caught.value.message
    assert "sk-0123" not in f"{caught.value.message} {caught.value.hint}"
    assert text(pool) == CONFIG


def test_a_key_takes_the_place_of_one_key_not_of_several(pool: Pool) -> None:
    """`--key-env` replaces a single key; where there are two it would have to guess."""
    change(pool, "den", Wish(key_env="DEN_KEY"))
    assert den(pool)["key"] == {"env": "DEN_KEY"}
    several = [{"label": "a", "env": "A"}, {"label": "b", "env": "B"}]
    apply(pool, "den", (Step(("key",), None), Step(("keys",), several)))
    with pytest.raises(Misuse, match=r"den has 2 keys \(a, b\)"):
        change(pool, "den", Wish(key_env="C"))


def test_a_preview_writes_nothing_and_shows_the_lines(pool: Pool) -> None:
    """What it shows is what the run then does."""
    shown = change(pool, "den", Wish(fields={"priority": 7}), dry_run=True)
    assert text(pool) == CONFIG
    assert [line for line in shown.difference if line[:1] in "+-"][2:] == ["+priority = 7"]
    change(pool, "den", Wish(fields={"priority": 7}))
    assert den(pool)["priority"] == 7
    assert change(pool, "den", Wish(fields={"priority": 7})).difference == ()


def test_a_provider_a_model_brought_along_gets_a_table(pool: Pool) -> None:
    """A declared model at a preset needs no table; setting something of it makes one."""
    pool.paths.config.write_text('[[models]]\nid = "openai/gpt-5"\n')
    pool.forget()
    change(pool, "openai", Wish(fields={"optional": True}))
    assert tomllib.loads(text(pool))["providers"] == {"openai": {"optional": True}}
    with pytest.raises(UnknownName):
        change(pool, "nosuch", Wish(fields={"optional": True}))


def test_what_hangs_on_a_provider_is_told(pool: Pool) -> None:
    """Everything that names it, or a model of it by id or alias; what must go stands first."""
    told = leaving.ties(pool, "den")
    assert [tie.words for tie in told if tie.cut] == [
        "[[models]] den/a (alias small)",
        'default_model = "den/a"',
        'recovery_model = "small"',
        "[routing] fallbacks: den/b",
        "den in [groups.family], which has nobody then",
        "den in [groups.work]",
    ]
    assert [tie.words for tie in told if not tie.cut] == ["[profiles.quick]", "[budgets.daily] scope"]
    assert [tie.words for tie in leaving.ties(pool, "sky")] == [
        "[[models]] sky/m",
        "[routing] fallbacks: sky/m",
        "sky in [groups.work]",
    ]


def test_a_removed_provider_leaves_a_config_that_loads(pool: Pool) -> None:
    """With it goes what could not be without it; the rest, comments included, stays."""
    leaving.remove(pool, "den")
    left = tomllib.loads(text(pool))
    assert list(left["providers"]) == ["sky"]
    assert left["models"] == [{"id": "sky/m"}]
    assert left["routing"] == {"fallbacks": ["sky/m"]}
    assert left["groups"] == {"family": {"providers": []}, "work": {"providers": ["sky"]}}
    assert not {"default_model", "recovery_model"} & left.keys()
    assert [p.id for p in pool.catalog.providers] == ["sky"]
    assert "# the pool at home" in text(pool)


def test_what_others_change_while_a_provider_goes_stays(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that names it is written as it is at that moment, not as it was when the removal began."""
    new = ["sky/m", "den/b", "sky/n"]
    monkeypatch.setattr(
        leaving,
        "_forget_all",
        lambda pool, _: configfile.change(
            pool, lambda text: edit.with_value(text, ("routing", "fallbacks"), new)
        ),
    )
    leaving.remove(pool, "den")
    assert tomllib.loads(text(pool))["routing"] == {"fallbacks": ["sky/m", "sky/n"]}


@pytest.mark.parametrize(
    ("searched", "found"),
    [
        ("GEMINI", ["google", "google-gemini-cli"]),
        ("x.ai", ["grok"]),
        ("lmstudio", ["lmstudio"]),
        ("nobody has this", []),
    ],
)
def test_presets_are_found_by_what_is_known_of_them(searched: str, found: list[str]) -> None:
    """Id, other spellings, name, variable, address."""
    assert [preset.id for preset in matching_presets(searched)] == found
    assert len(matching_presets("")) > 20


def test_who_adds_a_provider_second_does_not_point_the_first_elsewhere(pool: Pool) -> None:
    """Its key would be sent to the address of the second."""
    assert [table.id for table in pool.config.providers] == ["den", "sky"]
    other = configfile.read(pool) + '[providers.new]\nurl = "http://127.0.0.1:7/v1"\nkey = { env = "A" }\n'
    pool.paths.config.write_text(other)
    with pytest.raises(Misuse, match="new is configured already"):
        providers.add(pool, providers.Wish("new", url="http://127.0.0.1:8/v1"))
    assert configfile.read(pool) == other


def test_what_was_found_out_at_another_address_is_forgotten(pool: Pool) -> None:
    """A model that was not there says nothing of the server that is asked from now on."""
    state, at = pool.paths.state, "2027-01-15T08:00:00Z"
    gone = Probe(model="a", at=at, available=False)
    seen = ProviderInventory(provider="den", attempted_at=at, models=(ObservedModel(name="a"),))
    inventory.update(state, [seen])
    inventory.remember_probes(state, "den", [gone])
    change(pool, "den", Wish(fields={"optional": True}))
    change(pool, "den", Wish(fields={"url": "http://127.0.0.1:10/v1"}), dry_run=True)
    assert inventory.read(state).providers["den"].probes == (gone,)
    change(pool, "den", Wish(fields={"url": "http://127.0.0.1:10/v1"}))
    assert inventory.read(state).providers["den"] == seen
