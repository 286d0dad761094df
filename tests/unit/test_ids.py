"""Ids: how providers, deployments and records are named (DESIGN ruling 1)."""

import pytest

from llmpool.core.ids import is_provider_id, mask_key, short_id, split_ref, usage_id


@pytest.mark.parametrize("text", ["a", "9", "den", "my_box-2", "A" * 128])
def test_provider_ids_are_letters_digits_underscores_and_hyphens(text: str) -> None:
    """An id of up to 128 such characters, the first a letter or digit, names a provider."""
    assert is_provider_id(text)


@pytest.mark.parametrize("text", ["", "-a", "_a", "a b", "a/b", "a.b", "é", "a\n", "a\x1b", "A" * 129])
def test_anything_else_names_no_provider(text: str) -> None:
    """Slashes, blanks, dots, control characters, a trailing newline and long texts are refused."""
    assert not is_provider_id(text)


@pytest.mark.parametrize(
    ("ref", "parts"),
    [
        ("den/qwen3:8b", ("den", "qwen3:8b")),
        ("openrouter/meta/llama-3", ("openrouter", "meta/llama-3")),
        ("qwen3:8b", ("", "qwen3:8b")),
        ("/m", ("", "m")),
        ("den/", ("den", "")),
        ("", ("", "")),
    ],
)
def test_a_reference_is_split_at_the_first_slash(ref: str, parts: tuple[str, str]) -> None:
    """The provider stands before the first slash; later slashes belong to the model."""
    assert parts == split_ref(ref)


def test_short_ids_carry_their_prefix_and_eight_readable_characters() -> None:
    """A short id is a prefix and eight of 32 characters, none of them i, l, o or u."""
    prefix, _, rest = short_id("d").partition("-")
    assert (prefix, len(rest)) == ("d", 8)
    assert set(rest) <= set("0123456789abcdefghjkmnpqrstvwxyz")


def test_short_ids_differ() -> None:
    """Forty random bits keep a thousand ids apart."""
    assert len({short_id("d") for _ in range(1000)}) == 1000


def test_usage_ids_are_sixteen_hex_digits() -> None:
    """A usage id is `usage_` and 16 hex digits."""
    prefix, _, rest = usage_id().partition("_")
    assert (prefix, len(rest)) == ("usage", 16)
    assert set(rest) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("", ""),
        ("short", "*****"),
        ("123456789012", "************"),
        ("1234567890123", "12345678...0123"),
        ("sk-proj-abcdefghijklmnop", "sk-proj-...mnop"),
    ],
)
def test_a_key_is_shown_masked(key: str, shown: str) -> None:
    """Up to twelve characters only stars are shown, beyond that the first eight and the last four."""
    assert shown == mask_key(key)
