"""What is shown and kept of a key instead of it: three masks and a digest (ledger spec 3.2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.ids import key_digest, mask_key, mask_legacy, mask_shortly

KEY = "sk-secret-key-12345"


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("sk-1807890abcdef", "sk-18078...cdef"),
        ("short", "*****"),
        ("123456789012", "************"),
        ("thirteen-char", "thirteen...char"),
        ("sk-proj-1807890abcdefghijklmnop", "sk-proj-...mnop"),
        ("", ""),
    ],
)
def test_the_display_hash_of_example_22(key: str, shown: str) -> None:
    """Stars up to 12 characters, else the first 8 and the last 4."""
    assert shown == mask_key(key)


def test_the_digests_and_masks_of_example_23() -> None:
    """SHA-256 in hex; `sk-s...2345` for what other tools have, `sk-s****2345` for legacy files."""
    assert key_digest(KEY) == "7f7e8e577ba36089a7447c48e542bbb6d860c9efbd448e1d1750fa87b64032dd"
    assert (key_digest("abc")[:8], key_digest("abc")[-8:]) == ("ba7816bf", "f20015ad")
    assert (mask_shortly(KEY), mask_shortly("12345678")) == ("sk-s...2345", "****")
    assert (mask_legacy(KEY), mask_legacy("12345678")) == ("sk-s****2345", "****")


@given(st.text(min_size=13, max_size=60))
def test_no_mask_shows_more_than_twelve_characters(key: str) -> None:
    """Eight at the beginning and four at the end are the most, whatever the key."""
    assert mask_key(key) == f"{key[:8]}...{key[-4:]}"
    assert (len(mask_shortly(key)), len(mask_legacy(key))) == (11, 12)
