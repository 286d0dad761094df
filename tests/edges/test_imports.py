"""setup.imports and setup.bringing: what is brought in, what stays as it was, and what is said of it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from llmpool.auth import secrets
from llmpool.errors import LlmpoolError, Misuse, NoCredential, UnknownName, UnusableCredential
from llmpool.importers.found import Wanted
from llmpool.pool import Pool
from llmpool.setup import imports
from llmpool.setup.bringing import Keeping, Step, bring
from llmpool.setup.imports import Wish
from tests.edges.importing import ANTHROPIC_KEY, CURSOR_KEY, EXTENSION, ON_FILE, SETTINGS, Place

FIELDS = (("format", "openai"), ("url", "https://x.test/v1"), ("priority", 45))


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Give a home without anything in it."""
    return Place(tmp_path)


def order(**fields: Any) -> Wanted:
    """Make an order for a provider with a key."""
    return Wanted(
        **{"source": "cursor", "provider": "x", "fields": FIELDS, "label": "a", "key": CURSOR_KEY} | fields
    )


def actions(steps: list[Step]) -> list[tuple[str, str, str]]:
    """Return what was done, to whom, and where its key is."""
    return [(step.provider, step.action, step.stored) for step in steps]


def brought(place: Place, source: str, text: str = "", **wish: Any) -> list[tuple[str, str, str]]:
    """Bring in a source."""
    asked = Wish(source, **wish)
    pool = place.pool
    return actions(imports.carry_out(pool, imports.plan(pool, asked, text), ON_FILE, wish=asked))


def config(place: Place) -> Any:
    """Return the providers of the config."""
    return tomllib.loads(place.paths.config.read_text())["providers"]


def kept(place: Place, pool: Pool, provider: str) -> list[str]:
    """Return the keys of a provider, read from where the config says they are."""
    refs = pool.provider(provider).keys
    return [secrets.read_key(ref, provider, place.env, place.paths.secrets) for ref in refs]


def test_worked_example_37_import(place: Place) -> None:
    """Worked example 37: `custom-anthropic-cursor`, priority 45, label `ide_import:cursor`; comments stay."""
    place.put(SETTINGS, {"claudeCode.environmentVariables": EXTENSION})
    place.paths.config.write_text("# mine\nlocal_first = false  # so\n")
    assert brought(place, "cursor") == [("custom-anthropic-cursor", "added", "file")]
    assert place.paths.config.read_text().startswith("# mine\nlocal_first = false  # so\n")
    assert config(place)["custom-anthropic-cursor"] == {
        "name": "cursor (anthropic of its Claude Code extension)",
        "format": "anthropic",
        "format_mode": "auto",
        "url": "https://r.test",
        "priority": 45,
        "key": {"label": "ide_import:cursor", "file": True},
    }
    assert kept(place, place.pool, "custom-anthropic-cursor") == [ANTHROPIC_KEY]
    before = place.paths.config.read_text()
    assert brought(place, "cursor") == [("custom-anthropic-cursor", "present", "")]
    assert place.paths.config.read_text() == before


def test_a_plain_key_goes_to_the_vendor(place: Place) -> None:
    """Without an address the key is one more of the preset's, next to those that are there (7.6)."""
    place.put(SETTINGS, {"api_key": CURSOR_KEY})
    place.paths.config.write_text('[providers.openai]\nkey = { env = "OTHER" }  # first\n')
    assert brought(place, "cursor") == [("openai", "key", "file")]
    assert config(place)["openai"]["keys"] == [
        {"label": "default", "env": "OTHER"},
        {"label": "Imported from cursor", "file": True},
    ]


def test_a_key_in_a_variable_is_referred_to(place: Place) -> None:
    """A key that a variable has is named in the config and copied nowhere."""
    place.env["CURSOR_API_KEY"] = CURSOR_KEY
    assert brought(place, "cursor", label="mine") == [("openai", "added", "env")]
    assert config(place)["openai"] == {"key": {"label": "mine", "env": "CURSOR_API_KEY"}}
    assert not place.paths.secrets.exists()


def test_worked_example_38_is_kept_with_a_yes(place: Place) -> None:
    """Worked example 38, and then the raw key makes a provider, as the port advises (7.7)."""
    text = 'export ANTHROPIC_API_KEY="sk-ant-1234567890"\nbase_url = https://r.test\n'
    assert brought(place, "cc-switch", text) == [("custom-claude-code", "added", "file")]
    assert kept(place, place.pool, "custom-claude-code") == [ANTHROPIC_KEY]


def test_another_servers_id_is_never_taken(place: Place) -> None:
    """A provider that is there with another address keeps it, and its keys (7.6 overwrote the address)."""
    place.put(SETTINGS, {"api_key": CURSOR_KEY, "base_url": "https://new.test"})
    text = '[providers.custom-cursor]\nurl = "https://old.test"\n'
    place.paths.config.write_text(text)
    assert brought(place, "cursor") == [("custom-cursor", "skipped", "")]
    assert place.paths.config.read_text() == text
    [step] = bring(place.pool, [order(provider="custom-cursor")], keeping=ON_FILE)
    assert (step.action, step.why) == (
        "skipped", "custom-cursor is configured with another address: https://old.test",
    )  # fmt: skip


def test_a_key_for_a_server_that_is_here_joins_it(place: Place) -> None:
    """An address that a provider has already gets no second provider: the key is one more of that one."""
    place.put(SETTINGS, {"api_key": CURSOR_KEY, "base_url": "https://gw.test/v1"})
    place.paths.config.write_text('[providers.gw]\nurl = "https://gw.test"\nkey = { env = "GW" }\n')
    assert brought(place, "cursor") == [("gw", "key", "file")]
    assert set(config(place)) == {"gw"}


def test_two_keys_under_one_label(place: Place) -> None:
    """A second key that would have the same label gets a number; the same key again is there already."""
    steps = bring(place.pool, [order(), order(key="sk-second-123456"), order(label="b")], keeping=ON_FILE)
    assert [(step.action, step.label) for step in steps] == [("added", "a"), ("key", "a 2"), ("present", "a")]


def test_a_key_that_was_left_under_the_label_is_no_hindrance(place: Place) -> None:
    """The config was deleted by hand, and the tool has another key by now: both stay."""
    bring(place.pool, [order()], keeping=ON_FILE)
    place.paths.config.unlink()
    (step,) = bring(place.pool, [order(key="sk-second-123456")], keeping=ON_FILE)
    assert (step.action, step.label) == ("added", "a 2")
    assert kept(place, place.pool, "x") == ["sk-second-123456"]
    place.paths.config.unlink()
    (again,) = bring(place.pool, [order()], keeping=ON_FILE)
    assert (again.action, again.label) == ("added", "a")


def test_a_preview_says_what_the_run_does(place: Place) -> None:
    """--dry-run foretells each step, those that build on others included, and writes nothing."""
    orders = [
        order(),
        order(key="sk-second-123456"),
        order(label="b"),
        order(provider="y", key="", key_env="K"),
        order(provider="z", key=""),
    ]
    foretold = bring(place.pool, orders, dry_run=True)
    assert not place.paths.config.exists()
    done = bring(place.pool, orders, keeping=ON_FILE)
    assert [step.action for step in foretold] == [step.action for step in done]
    assert [step.action for step in done] == ["added", "key", "present", "added", "added"]
    assert all(CURSOR_KEY not in repr(step) for step in (*foretold, *done))


def test_what_cannot_be_kept_leaves_nothing(place: Place) -> None:
    """Where a key cannot be kept its new provider is taken back; others are brought in all the same."""
    place.paths.config.write_text("# mine\n")
    orders = [order(), order(provider="y", key="", fields=(("url", "http://den:1/v1"),))]
    steps = bring(place.pool, orders, keeping=Keeping("keyring"))
    assert [(step.provider, step.action) for step in steps] == [("x", "failed"), ("y", "added")]
    assert isinstance(steps[0].error, UnusableCredential)
    assert set(config(place)) == {"y"}
    assert place.paths.config.read_text().startswith("# mine\n")


def test_when_nothing_can_be_kept_the_run_fails(place: Place) -> None:
    """With neither a keyring nor the owner's word for the file the reason is raised, with its exit code."""
    place.put(SETTINGS, {"api_key": CURSOR_KEY})
    pool, wish = place.pool, Wish("cursor")
    with pytest.raises(LlmpoolError) as caught:
        imports.carry_out(pool, imports.plan(pool, wish), Keeping(), wish=wish)
    assert "--plaintext" in f"{caught.value.message}{caught.value.hint}"
    assert CURSOR_KEY not in f"{caught.value!r}{caught.value.message}{caught.value.lines}"
    assert not place.paths.config.exists() or not place.paths.config.read_text()


@pytest.mark.parametrize("elsewhere", ['url = "http://den:1/v1"', 'preset = "groq"'])
def test_a_vendors_key_goes_to_no_other_server(place: Place, elsewhere: str) -> None:
    """A provider that has the vendor's name and another address is not given the vendor's key."""
    place.put(SETTINGS, {"api_key": CURSOR_KEY})
    place.paths.config.write_text(f"[providers.openai]\n{elsewhere}\n")
    assert brought(place, "cursor") == [("openai", "skipped", "")]
    assert place.paths.config.read_text() == f"[providers.openai]\n{elsewhere}\n"


def test_all_takes_each_key_once(place: Place) -> None:
    """`all` brings in every tool's finds, a key that several tools have once, and says what it left."""
    place.put(SETTINGS, {"api_key": CURSOR_KEY})
    place.put(".qoder/config.json", {"api_key": CURSOR_KEY})
    place.put(".trae/config.json", {"api_key": "sk-trae-123456789"})
    assert brought(place, "all") == [("openai", "added", "file"), ("custom", "skipped", "")]
    assert brought(place, "qoder") == [("openai", "present", "")]


def test_a_source_that_has_nothing_says_where_it_looked(place: Place) -> None:
    """Nothing found is exit 5 with the places, an unknown name exit 3 with the nearest, a bad file exit 2."""
    with pytest.raises(NoCredential, match="windsurf: nothing found") as caught:
        brought(place, "windsurf")
    assert f"looked at {place.root}/.windsurf/config.json" in caught.value.lines
    assert "WINDSURF_API_KEY" in caught.value.hint
    with pytest.raises(UnknownName) as unknown:
        brought(place, "cursr")
    assert unknown.value.hint == "did you mean cursor?"
    with pytest.raises(UnknownName) as unknown:
        brought(place, "zimos")
    assert unknown.value.hint == "did you mean zimaos?"
    place.put(SETTINGS, "{")
    with pytest.raises(Misuse, match="no JSON"):
        brought(place, "cursor")
    with pytest.raises(NoCredential, match="no other tool"):
        brought(place, "all")


def test_logins_are_used_when_that_is_said(place: Place) -> None:
    """A login is taken only with --logins; who asks for the tool alone is told of it."""
    place.put(".codex/auth.json", {"access_token": "token-0123456789", "account_id": "u"})
    with pytest.raises(NoCredential, match="somebody is logged in") as caught:
        brought(place, "codex")
    assert "--logins" in caught.value.hint
    place.put(SETTINGS, {"api_key": CURSOR_KEY})
    assert (
        imports.plan(place.pool, Wish("all")).notes[0].startswith("logged in: Codex CLI (OpenAI); --logins")
    )
    assert brought(place, "codex", logins=True) == [("openai-codex", "login", "file")]


def test_a_dotenv_file_is_named_by_its_path(place: Place) -> None:
    """A path is a .env file; keys are kept, references stay references."""
    path = place.put("project/.env", "MISTRAL_API_KEY=ms-12345678\nGROQ_API_KEY=$REAL_GROQ\n")
    expected = [("mistral", "added", "file"), ("groq", "added", "env")]
    assert brought(place, str(path)) == expected
    assert config(place)["groq"]["key"] == {"label": "Imported from .env", "env": "REAL_GROQ"}
    with pytest.raises(Misuse, match="No such file"):
        brought(place, "dotenv", path=str(path.with_name("none")))


def test_a_disabled_provider_stays_disabled(place: Place) -> None:
    """A key that is added does not switch on what its owner has switched off; how to do so is said."""
    place.put(SETTINGS, {"api_key": CURSOR_KEY})
    place.paths.config.write_text("[providers.openai]\nenabled = false\n")
    pool, wish = place.pool, Wish("cursor")
    [step] = imports.carry_out(pool, imports.plan(pool, wish), ON_FILE, wish=wish)
    assert (step.action, step.why) == ("key", "it is disabled: llmpool providers enable openai")
    assert not place.pool.provider("openai").enabled


def test_a_provider_that_appears_meanwhile_is_left_alone(place: Place) -> None:
    """Somebody who adds the same id between the look and the change keeps what they wrote."""
    pool = place.pool
    assert pool.config.providers == ()
    text = '[providers.x]\nurl = "https://theirs.test"\n'
    place.paths.config.write_text(text)
    [step] = bring(pool, [order()], keeping=ON_FILE)
    assert (step.action, step.why) == ("skipped", "x is configured with another address: https://theirs.test")
    assert place.paths.config.read_text() == text


def test_a_second_run_finds_what_the_first_made(place: Place) -> None:
    """Two finds of one server are two providers, and each is recognised as itself, its variable unset."""
    url = "http://127.0.0.1:9/v1"
    place.put(
        ".config/aichat/config.yaml",
        f"clients:\n- type: openai-compatible\n  name: near\n  api_base: {url}\n",
    )
    mine = f'[model_providers.mine]\nname = "Mine"\nbase_url = "{url}"\nenv_key = "MINE_KEY"\n'
    place.put(".codex/config.toml", mine)
    assert [step[:2] for step in brought(place, "all")] == [("near", "added"), ("mine", "added")]
    before = place.paths.config.read_text()
    assert {step[1] for step in brought(place, "all")} == {"present"}
    assert place.paths.config.read_text() == before


def test_a_login_may_lie_in_an_encrypted_file(place: Place) -> None:
    """Without a keyring it goes where a key would; where it may not lie, nothing is left and that is said."""
    place.put(".codex/auth.json", {"access_token": "token-0123456789", "account_id": "u"})
    wish = Wish("codex", logins=True)
    pool = place.pool
    with pytest.raises(Misuse, match="would lie in") as refused:
        imports.carry_out(pool, imports.plan(pool, wish), Keeping(), wish=wish)
    assert "--plaintext" in refused.value.hint
    assert pool.warnings == []
    place.env["LLMPOOL_STATE_KEY"] = "01234567890123456789012345678901"
    pool = place.pool
    steps = imports.carry_out(pool, imports.plan(pool, wish), Keeping(), wish=wish)
    assert actions(steps) == [("openai-codex", "login", "file")]
    assert "enc:v1:" in place.paths.secrets.read_text()
