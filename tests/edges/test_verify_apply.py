"""What `--apply` writes: worked example 50 of pool-routing-formats, and what it leaves alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import Paths
from llmpool.discovery.verify_rules import Probe, Verification
from llmpool.errors import Busy
from llmpool.pool import Pool, open_pool
from llmpool.setup.verify import Change, apply, changes
from llmpool.state import formats
from tests.edges.test_state_formats import made

HOST = "https://relay.example.com"
NOW = 1_800_000_000.0
PROFILE = (("tool_call_mode", "full_native"),)


def opened(tmp_path: Path, text: str) -> Pool:
    """Open a pool over a config with this text."""
    config = tmp_path / "config.toml"
    config.write_text(text)
    paths = Paths(config=config, state=tmp_path / "state", secrets=tmp_path / "secrets.json")
    return open_pool(paths, env={}, clock=lambda: NOW)


def found(name: str, url: str, **fields: Any) -> Verification:
    """Make a verification that recommends a format at a URL."""
    there = (("models", Probe(f"{HOST}/v1/models", 200, True)),)
    return Verification(
        url=HOST, recommended=name, recommended_url=url, **({"probes": there, "profile": PROFILE} | fields)
    )


def test_a_responses_endpoint(tmp_path: Path) -> None:
    """Example 50: responses, auto, the base without its endpoint; the detected endpoint is dropped."""
    pool = opened(tmp_path, f'# mine\n[providers.work]\nurl = "{HOST}/v1/responses" # copied\n')
    before = pool.provider("work")
    formats.update(pool.paths.state, lambda k: formats.use_endpoint(k, before, f"{HOST}/x", NOW))
    made_changes = apply(pool, before, found("responses", f"{HOST}/v1/responses"))
    assert made_changes == (
        Change("format", "", "responses"),
        Change("format_mode", "", "auto"),
        Change("url", f"{HOST}/v1/responses", HOST),
    )
    after, known = pool.provider("work"), formats.read(pool.paths.state)
    assert (after.format, after.format_mode, after.url) == ("responses", "auto", HOST)
    assert known.endpoints == {}
    assert known.detected_format(after) == "responses"
    assert known.profile(after) == dict(PROFILE)
    text = pool.paths.config.read_text()
    assert text.startswith("# mine\n")
    assert "# copied" in text


@pytest.mark.parametrize("text", ["", f'[providers.work]\nurl = "{HOST}/other"\n'])
def test_a_provider_that_was_changed_meanwhile_is_left_alone(tmp_path: Path, text: str) -> None:
    """Its owner has removed it, or pointed it elsewhere, while the old address was asked."""
    pool = opened(tmp_path, f'[providers.work]\nurl = "{HOST}/v1/responses"\n')
    asked = pool.provider("work")
    pool.paths.config.write_text(text)
    with pytest.raises(Busy, match="nothing was applied"):
        apply(pool, asked, found("responses", f"{HOST}/v1/responses"))
    assert pool.paths.config.read_text() == text


def test_once_applied_nothing_is_left_to_change(tmp_path: Path) -> None:
    """The second time there is nothing to write."""
    pool = opened(tmp_path, f'[providers.work]\nurl = "{HOST}/v1"\n')
    verification = found("openai", HOST)
    assert apply(pool, pool.provider("work"), verification)
    text = pool.paths.config.read_text()
    assert apply(pool, pool.provider("work"), verification) == ()
    assert pool.paths.config.read_text() == text


@pytest.mark.parametrize(
    ("name", "recommended", "before", "after"),
    [
        ("openai", HOST, f"{HOST}/v1", f"{HOST}/v1"),
        ("openai", HOST, HOST, HOST),
        ("openai", HOST, f"{HOST}/v1/chat/completions", HOST),
        ("anthropic", f"{HOST}/anthropic", f"{HOST}/anthropic/v1/messages", f"{HOST}/anthropic"),
        ("responses", f"{HOST}/responses?x=1#y", f"{HOST}/a", HOST),
        ("openai", "", f"{HOST}/v1/messages", HOST),
        ("openai", "", f"{HOST}/v1", f"{HOST}/v1"),
        ("responses", f"{HOST}/codex/responses", HOST, f"{HOST}/codex/responses"),
    ],
)
def test_which_url_is_written(name: str, recommended: str, before: str, after: str) -> None:
    """The recommended one without a bare endpoint; one that leads to the same place stays as it is."""
    wanted = {change.key: change.after for change in changes(made(url=before), found(name, recommended))}
    assert wanted.get("url", before) == after


@pytest.mark.parametrize(
    ("recommended", "name", "mode"),
    [
        (f"{HOST}/v1/responses", "responses", "auto"),
        (f"{HOST}/codex/responses", "responses", "pinned"),
        (f"{HOST}/anthropic", "anthropic", "pinned"),
        (HOST, "openai", "auto"),
    ],
)
def test_which_mode_is_written(recommended: str, name: str, mode: str) -> None:
    """A URL that settles its format is pinned, others may change their mind."""
    assert Change("format_mode", "", mode) in changes(made(url=f"{HOST}/elsewhere"), found(name, recommended))


def test_an_owners_word_stays() -> None:
    """A pin on the recommended format stays a pin; a preset's format that is right needs no words."""
    pinned = made(url=HOST, format="openai", format_mode="pinned")
    assert changes(pinned, found("openai", HOST)) == ()
    assert Change("format_mode", "pinned", "auto") in changes(pinned, found("anthropic", HOST))
    assert changes(made(url=HOST, preset="vllm", format="openai"), found("openai", HOST)) == ()


def test_a_vendors_address_is_never_replaced() -> None:
    """A vendor's row knows where it is; another format than its own is pinned."""
    row = made("groq", preset="groq", format="openai", exact=True, url="https://api.groq.com/openai/v1")
    assert changes(row, found("openai", "https://api.groq.com/openai")) == ()
    assert changes(row, found("responses", "https://api.groq.com/openai/v1/responses")) == (
        Change("format", "openai", "responses"),
        Change("format_mode", "", "pinned"),
    )


def test_an_alternate_stays_while_the_key_is_refused(tmp_path: Path) -> None:
    """The address in use because the configured one refuses the key is not dropped for another refusal."""
    pool = opened(tmp_path, f'[providers.work]\nurl = "{HOST}"\nalternate_urls = ["{HOST}/two"]\n')
    provider = pool.provider("work")
    formats.update(pool.paths.state, lambda k: formats.use_endpoint(k, provider, f"{HOST}/two", NOW))
    shut = (("models", Probe(HOST, 401, True, True)),)
    apply(pool, provider, found("openai", HOST, probes=shut))
    assert formats.read(pool.paths.state).endpoint(pool.provider("work")) == f"{HOST}/two"


def test_an_alternate_that_took_the_key_is_remembered(tmp_path: Path) -> None:
    """The configured URL stays written; the alternate is asked from now on."""
    pool = opened(tmp_path, f'[providers.work]\nurl = "{HOST}"\nalternate_urls = ["{HOST}/two/"]\n')
    told = apply(pool, pool.provider("work"), found("openai", f"{HOST}/two").replace(url=f"{HOST}/two"))
    assert [change.key for change in told] == ["format", "format_mode"]
    assert formats.read(pool.paths.state).endpoint(pool.provider("work")) == f"{HOST}/two"


def test_a_preset_that_does_not_fit_is_overruled() -> None:
    """Its URL stays, and the format beside it says what is there."""
    den = made("den", preset="ollama", format="ollama", url=HOST)
    assert changes(den, found("openai", HOST, misfit="ollama")) == (
        Change("format", "ollama", "openai"),
        Change("format_mode", "", "auto"),
    )


def test_a_refused_key_recommends_nothing() -> None:
    """What is behind a closed door is a guess."""
    shut = (("models", Probe(HOST, 401, True, True)),)
    assert changes(made(url=HOST), found("openai", HOST, probes=shut)) == ()


def test_where_nothing_answers_nothing_is_changed(tmp_path: Path) -> None:
    """A guess is no recommendation: neither config nor memory learns it."""
    pool = opened(tmp_path, f'[providers.work]\nurl = "{HOST}"\n')
    silent = found("openai", HOST, probes=(("models", Probe(HOST)),))
    assert apply(pool, pool.provider("work"), silent) == ()
    assert formats.read(pool.paths.state).detected == {}
