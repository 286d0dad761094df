"""Keys as they are typed, and values as words: understood with and without quotes, never guessed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from llmpool.config import keypath, typed
from llmpool.errors import Misuse, UnknownName
from tests.edges.config_text import PLANTED


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("routing.mode", ("routing", "mode")),
        (" routing . mode ", ("routing", "mode")),
        ('providers."den".url', ("providers", "den", "url")),
        ('models."den/qwen3:8b".quality', ("models", "den/qwen3:8b", "quality")),
        ("models.den/qwen3:8b.quality", ("models", "den/qwen3:8b", "quality")),
        ("models.openai/gpt-4.1.speed", ("models", "openai/gpt-4.1", "speed")),
        ("models.openai/gpt-4.1", ("models", "openai/gpt-4.1")),
        ("models.a/m-1.5.rate_limit.rpm", ("models", "a/m-1.5", "rate_limit", "rpm")),
        ("templates.'my.own'", ("templates", "my.own")),
        ("providers.work.headers.X-Team", ("providers", "work", "headers", "X-Team")),
        ("providers.work.params.temperature", ("providers", "work", "params", "temperature")),
        ("oauth.copilot.client_id", ("oauth", "copilot", "client_id")),
        ("trial.keys.t1", ("trial", "keys", "t1")),
    ],
)
def test_a_key_is_read_as_it_is_typed(text: str, path: tuple[str, ...]) -> None:
    """Quotes are for dots; a model's id needs none, as shells take them away."""
    assert keypath.read(text).path == path


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("mode", "did you mean routing.mode?"),
        ("routing.mod", "did you mean routing.mode?"),
        ("providers.den.urll", "did you mean providers.den.url?"),
        ("retention", "did you mean usage.retention?"),
        ("providers.work.keys.a", "providers.work.keys is set as a whole"),
        ("local_first.x", "local_first is set as a whole"),
    ],
)
def test_an_unknown_key_is_told_with_the_nearest(text: str, hint: str) -> None:
    """A key that the schema does not know ends with 3 and the key that may be meant."""
    with pytest.raises(UnknownName) as caught:
        keypath.read(text)
    assert (caught.value.exit_code, caught.value.hint) == (3, hint)


@pytest.mark.parametrize("text", ["", ".", "a.", "a..b", '"a', "a b"])
def test_what_is_no_key_is_a_mistake(text: str) -> None:
    """Text that cannot be a key is refused as such, or as one that nobody knows; it never crashes."""
    with pytest.raises((Misuse, UnknownName)):
        keypath.read(text)


@pytest.mark.parametrize(
    ("key", "words", "value"),
    [
        ("routing.mode", ["local"], "local"),
        ("routing.fallbacks", ["a/m", "b/m"], ["a/m", "b/m"]),
        ("routing.fallbacks", ['["a/m"]'], ["a/m"]),
        ("routing.fallbacks", ["[]"], []),
        ("routing.max_retries", ["3"], 3),
        ("routing.quality_target", ["0.80"], Decimal("0.80")),
        ("routing.stale_after", ["7d"], "7d"),
        ("local_first", ["no"], False),
        ("local_first", ["True"], True),
        ("local_first", ["perhaps"], "perhaps"),
        ("models.a/m.context_window", ["32k"], "32k"),
        ("models.a/m.context_window", ["32768"], 32768),
        ("budgets.daily.limit", ["5.00"], "5.00"),
        ("budgets.daily", ["limit=5.00", "per=day"], {"limit": "5.00", "per": "day"}),
        ("providers.work.key", ["env=WORK_KEY"], {"env": "WORK_KEY"}),
        ("providers.work.key", ["keyring=true"], {"keyring": True}),
        ("providers.work.key", ['{ command = ["pass", "x"] }'], {"command": ["pass", "x"]}),
        ("providers.work.keys", ["env=A", "env=B"], [{"env": "A"}, {"env": "B"}]),
        ("providers.work.headers", ["X-Team=search"], {"X-Team": "search"}),
        ("providers.work.params.thinking", ["2048"], 2048),
        ("oauth.copilot.client_id", ["mine"], "mine"),
        ("oauth.copilot.client_id", ["{ env = 'X' }"], {"env": "X"}),
    ],
)
def test_words_are_read_by_the_kind_of_the_key(key: str, words: list[str], value: Any) -> None:
    """An array takes words, a table NAME=VALUE, money keeps its digits; what does not fit is left as text."""
    found = typed.read(keypath.read(key).schema, words, key)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ("routing.mode", ["local", "cloud"]),
        ("routing.fallbacks", [f"[{PLANTED}"]),
        ("providers.work.key", [f"{{ env = {PLANTED}"]),
        ("providers.work.key", ["env=A", f"env={PLANTED}"]),
        ("providers.work.headers", ["X-A=1", "X-A=2"]),
    ],
)
def test_words_that_make_no_value_are_a_mistake(key: str, words: list[str]) -> None:
    """Too many words, half a TOML value and a name twice are refused, and never repeated."""
    with pytest.raises(Misuse) as caught:
        typed.read(keypath.read(key).schema, words, key)
    assert PLANTED not in caught.value.message + caught.value.hint


def test_completion_offers_keys_without_names() -> None:
    """What can be completed without a config is; tables of named tables end in a dot."""
    assert "routing.mode" in keypath.known("routing.m")
    assert keypath.known("prov") == ["providers."]
    assert "catalog_url" in keypath.known()
