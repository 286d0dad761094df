"""What a mistyped name was meant as."""

from __future__ import annotations

from llmpool.core.near import meant, near


def test_a_slip_of_the_finger_is_seen_through() -> None:
    """The nearest name comes first, and what is unlike is not offered."""
    assert near("opnai", ["openai", "openrouter", "ollama"]) == ["openai"]
    assert near("open", ["openrouter", "openai", "den"])[0] == "openai"
    assert near("zzz", ["openai"]) == []


def test_upper_case_does_not_matter_and_names_keep_theirs() -> None:
    """Whoever shouts a name still meant it."""
    assert near("OPENAI", ["openai"]) == ["openai"]
    assert near("qwen3:8b", ["Qwen3:8B", "qwen3:8B"]) == ["Qwen3:8B"]


def test_no_more_are_named_than_asked_for() -> None:
    """Three unless told otherwise."""
    known = [f"model{n}" for n in range(9)]
    assert (len(near("model", known)), len(near("model", known, most=1))) == (3, 1)


def test_only_the_first_is_asked_about() -> None:
    """Without any name the other words are said."""
    assert meant(["a", "b"], "none") == "did you mean a?"
    assert (meant([], "there are: b"), meant([])) == ("there are: b", "")
