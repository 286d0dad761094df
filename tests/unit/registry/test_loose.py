"""Loose matching: another version, or the same name in another spelling (pool-routing-formats 4.3)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.routing import RoutingTable
from llmpool.registry import loose
from tests.builders import row, table


def pool_of(*ids: str, **fields: object) -> RoutingTable:
    """Build a table with one row an id."""
    return table([row(each) for each in ids], **fields)  # type: ignore[arg-type]


def found(ref: str, pool: RoutingTable) -> list[str]:
    """Return the ids that match *ref* loosely."""
    return [each.id for each in loose.find(ref, pool)]


@pytest.mark.parametrize(
    ("name", "normal"),
    [
        ("Llama2:latest", "llama2"),
        ("org/llama2-70b", "llama270b"),
        ("llama2-70b-AWQ", "llama270b"),
        ("llama2_70b-fp16", "llama270b"),
        ("text-embed-model:33m", "textembedmodel"),
        ("smollm2:135m", "smollm2"),
        ("gpt-j-6b", "gptj6b"),
        ("mistral-7b-instruct-v0.1", "mistral7binstructv01"),
        ("meta-llama/Llama-3.1-8B-Instruct-AWQ", "llama318binstruct"),
        ("models/gemini-2.5-pro", "gemini25pro"),
        ("gemma-3-4b-it", "gemma3"),
        ("gemma-3-27b-it", "gemma327bit"),
        ("x:y:z", "x:y"),
        ("registry:5000/llama3", "llama3"),
    ],
)
def test_golden_c1_names_are_normalised(name: str, normal: str) -> None:
    """reconcile-resolve C1 as it stands, `gemma-3-4b-it` losing its size included: it is loose by request."""
    assert loose.normal(name) == normal


def test_golden_c1_of_several_segments_the_last_counts() -> None:
    """C1 has `a/b/c` become `b`; that is the vendor, so all models of a vendor would be one. Overruled.

    13.1 says as much of `openrouter/anthropic/claude-3.5-sonnet`, which it makes `anthropic`.
    """
    assert loose.normal("a/b/c") == "c"
    assert loose.normal("openrouter/anthropic/claude-3.5-sonnet") == "claude35sonnet"
    assert found("gate/accounts/fire/glm", pool_of("gate/accounts/fire/kimi")) == []


@pytest.mark.parametrize("name", ["4bit", "", "-", "fp16:latest", "a/", ":x"])
def test_a_name_of_which_nothing_is_left_matches_nobody(name: str) -> None:
    """13.1 makes `4bit` empty; two empty forms are no resemblance."""
    assert loose.normal(name) == ""
    assert found(name, pool_of("den/awq", "den/_.", "den/:y")) == []


@pytest.mark.parametrize(
    ("model", "request_", "serves"),
    [
        ("gpt-4o", "gpt-4o-2024-08-06", True),
        ("gpt-4", "gpt-4o", False),
        ("claude-3-5-haiku-20241022", "claude-haiku-4-5", True),
        ("claude-sonnet-4-5-20250929", "claude-3-5-sonnet-20241022", True),
        ("claude-opus-4-6", "claude-opus-4-5", False),
        ("openai/gpt-4o", "gpt-4o", False),
        ("Claude-haiku-4-5", "claude-haiku-4-5", False),
        ("gpt-4o", "gpt-4o-mini", True),  # the quirk of rule 2, in either direction
        ("gpt-4o-mini", "gpt-4o", True),
    ],
)
def test_golden_17_another_version_serves(model: str, request_: str, serves: bool) -> None:
    """pool-routing-formats 17: version prefixes and the Claude table, by case, behind no vendor's prefix."""
    assert loose.other_version(request_, model) is serves


def test_either_rule_will_do() -> None:
    """What 4.3 does not match, the spelling of 13.1 may: a vendor's prefix, upper case."""
    pool = pool_of("gate/openai/gpt-4o", "work/Claude-haiku-4-5", "work/gpt-4o-2024-08-06", "den/gpt-4")
    assert found("gpt-4o", pool) == ["gate/openai/gpt-4o", "work/gpt-4o-2024-08-06"]
    assert found("claude-haiku-4-5", pool) == ["work/Claude-haiku-4-5"]


@pytest.mark.parametrize(
    ("wanted", "have"),
    [
        ("smollm2:135m", "smollm2"),
        ("llama2-awq", "llama2"),
        ("llama2", "llama2-awq"),
        ("text-embed-model:33m", "text-embed-model"),
    ],
)
def test_golden_c14_and_c16_a_tag_or_a_quantisation_is_no_other_model(wanted: str, have: str) -> None:
    """reconcile-resolve C14, C16: found, where loose matching is asked for (DESIGN ruling 4)."""
    assert found(wanted, pool_of(f"den/{have}", "den/other")) == [f"den/{have}"]


def test_a_configured_provider_is_not_left() -> None:
    """`work/gpt-4o` looks for what resembles it at work alone; a vendor nobody configured is no provider."""
    pool = pool_of("gate/openai/gpt-4o", "work/gpt-4o-mini")
    assert found("work/gpt-4o", pool) == ["work/gpt-4o-mini"]
    assert found("openai/gpt-4o", pool) == ["gate/openai/gpt-4o"]


@given(st.text(max_size=30), st.lists(st.text(min_size=1, max_size=12), max_size=6, unique=True))
def test_any_text_finds_a_list(ref: str, models: list[str]) -> None:
    """Whatever is typed nothing raises, and who carries the very name is among the matches."""
    pool = pool_of(*(f"den/{name}" for name in models))
    carrying = {f"den/{name}" for name in models if name == ref.strip() and name}
    assert carrying <= set(found(ref, pool))
