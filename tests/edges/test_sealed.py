"""auth.sealed: what is sealed opens with its passphrase, whole, or not at all."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llmpool.auth import sealed
from llmpool.errors import NoCredential

WORDS = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Derive keys in a moment; the test of the cost says what it is outside of tests."""
    monkeypatch.setattr(sealed, "LOG_N", 4)


@settings(max_examples=25)
@given(
    st.binary(max_size=200),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    st.binary(max_size=9),
)
def test_whatever_is_sealed_opens(content: bytes, words: str, bound: bytes) -> None:
    """Any content, any passphrase, anything bound to it: it comes back as it was."""
    assert sealed.opened(sealed.seal(content, words, bound), words, bound) == content


def test_the_cost_of_guessing() -> None:
    """A guess costs 128 MiB and about half a second; the parameters travel with what is sealed."""
    import importlib

    fresh = importlib.reload(sealed)
    assert (fresh.LOG_N, fresh.R, fresh.P) == (17, 8, 1)
    text = fresh.seal(b"key", WORDS)
    assert text.startswith("enc:v1:scrypt:17:8:1:")
    assert fresh.opened(text, WORDS) == b"key"


def test_nothing_shows_in_it_and_no_two_are_alike() -> None:
    """The content is nowhere in the text, and the same sealed twice is another text."""
    one, two = sealed.seal(b"sk-planted", WORDS), sealed.seal(b"sk-planted", WORDS)
    assert one != two
    assert b"planted" not in base64.b64decode(one.rpartition(":")[2])


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(":4:", ":5:"),
        lambda text: text.replace(":8:", ":9:"),
        lambda text: text[:-6] + ("A" if text[-6] != "A" else "B") + text[-5:],
        lambda text: text[:-8],
        lambda text: text.rpartition(":")[0] + ":AAAA",
        lambda text: text.removeprefix("enc:v1:"),
        lambda text: text.replace("v1", "v2"),
        lambda text: text.replace("scrypt:4:8:1", "scrypt:99:8:1"),
        lambda text: text.replace("scrypt:4:8:1", "scrypt:20:16:4"),
        lambda text: text.replace("scrypt:4:8:1", "scrypt:0:8:1"),
        lambda _: "",
    ],
)
def test_what_was_changed_does_not_open(change) -> None:  # type: ignore[no-untyped-def]
    """Every part is authenticated; parameters that ask for gigabytes are refused before they are tried."""
    with pytest.raises(NoCredential) as caught:
        sealed.opened(change(sealed.seal(b"key", WORDS)), WORDS)
    assert caught.value.exit_code == 5
    assert "--no-keys" in caught.value.hint


def test_another_passphrase_or_another_file() -> None:
    """A wrong passphrase, and the right one for something else, end with 5 and say so."""
    text = sealed.seal(b"key", WORDS, b"this file")
    for words, bound in ((WORDS + "!", b"this file"), (WORDS, b"that file")):
        with pytest.raises(NoCredential, match="passphrase does not open it"):
            sealed.opened(text, words, bound)


def test_a_passphrase_is_the_same_on_another_keyboard() -> None:
    """An umlaut is one character or two, as machines differ; the passphrase is one."""
    assert sealed.opened(sealed.seal(b"key", "sch\u00f6n"), "scho\u0308n") == b"key"
