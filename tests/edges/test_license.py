"""auth.license: a licence says what its signer said, or nothing; it is never repeated."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.auth import license as licences
from llmpool.core.trial import Terms
from llmpool.errors import UnusableCredential
from llmpool.usage.trial import is_expired
from tests import trials

TERMS = Terms(
    kid="t1",
    url="https://trial.example.test/",
    format="anthropic",
    model="claude-haiku-4-5",
    limit=10000,
    issued=1700000000,
    expires=0,
)


def fails(text: str, words: str, keys: dict[str, str] | None = None) -> None:
    """Refuse *text* with *words*, and repeat neither it nor its key."""
    with pytest.raises(UnusableCredential, match=words) as caught:
        licences.read(text, trials.KEYS if keys is None else keys)
    said = f"{caught.value.message} {caught.value.hint} {caught.value!r}"
    assert trials.KEY not in said
    assert text.partition(".")[0][:40] not in said or len(text) < 30


def test_example_39_a_licence_verifies() -> None:
    """Example 39: key, limit, issue time, a signature of 64 bytes; the tests sign the same claims."""
    found = licences.read(trials.WORKED, trials.KEYS)
    assert (found.terms, found.key, len(found.signature)) == (TERMS, trials.KEY, 64)
    assert trials.licence() == trials.WORKED
    assert trials.public() == "iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w="
    assert licences.read(f" {trials.WORKED}\n", {"t1": trials.public(der=True)}) == found
    assert trials.KEY not in repr(found)


def test_example_39_whatever_is_changed_is_refused() -> None:
    """Example 39: another payload, another signature, another kid, and what is no licence at all."""
    payload, _, signature = trials.WORKED.partition(".")
    fails(f"{payload[:-5]}X{payload[-4:]}.{signature}", "trial licence")
    fails(f"{payload}.A{signature[1:]}", 'signature of the trial licence is not that of key "t1"')
    fails(trials.licence(seed=2), "signature of the trial licence")
    fails(trials.WORKED, 'key "t1", which is not in', {})
    fails(trials.WORKED, 'key "t1", which is not in', {"t2": trials.public()})
    fails("not-a-license", "no valid trial licence")


def test_the_last_character_of_a_signature_has_unused_bits() -> None:
    """What decodes to the same bytes is the same signature: that is no change."""
    assert licences.read(trials.WORKED[:-1] + "B", trials.KEYS).terms == TERMS


def test_example_40_expired_claims_are_still_told() -> None:
    """Example 40: an hour of validity that is over; the licence reads, and says that it has ended."""
    signature = "T-SMDQL2w2yYufFpjzmIz_Oo2GTHZKCf03YaVBd6IivcOEwSgs4pk6JVv0kvy0QPynejx79IOYgQ3vhDPdt_Bg"
    text = trials.licence(exp=1700003600)
    assert text.partition(".")[2] == signature
    terms = licences.read(text, trials.KEYS).terms
    assert terms == TERMS.replace(expires=1700003600)
    assert not is_expired(terms, 1700003600)
    assert is_expired(terms, 1700003601)


@pytest.mark.parametrize(
    "url",
    [
        "http://trial.example.test/",
        "https://",
        "https:///v1",
        "ftp://a.test",
        "https://me:pw@a.test/",
        "https://[::1",
        "https://a.test:99999/",
        "trial.example.test",
        "https://a.test/\n",
    ],
)
def test_example_40_a_url_is_https_with_a_host(url: str) -> None:
    """Example 40: an http:// URL under a good signature is no licence; neither is one without a host."""
    fails(trials.licence(url=url), "no valid trial licence")


def test_urls_are_written_anew() -> None:
    """The host in lower case, port and path as they are, no fragment."""
    text = trials.licence(url="HTTPS://Trial.Example.TEST:8443/v1?a=b#c")
    assert licences.read(text, trials.KEYS).terms.url == "https://trial.example.test:8443/v1?a=b"


@pytest.mark.parametrize(
    "changes",
    [
        {"key": ""},
        {"key": "sk bad"},
        {"key": 7},
        {"key": "sk-\x1b[31m"},
        {"model": ""},
        {"model": "a\nb"},
        {"lim": -1},
        {"lim": 1.5},
        {"lim": True},
        {"lim": 1 << 60},
        {"exp": 253_402_300_800},
        {"iat": 253_402_300_800},
        {"iat": "1700000000"},
        {"exp": None},
        {"fmt": "telepathy"},
        {"kid": ["t1"]},
    ],
)
def test_claims_of_the_wrong_shape(changes: dict[str, object]) -> None:
    """A good signature over nonsense is still nonsense, and never a crash."""
    fails(trials.licence(**changes), "trial licence")


def test_a_key_in_the_place_of_the_signers_name_is_not_repeated() -> None:
    """Whoever issued it put the key where its id belongs: it is refused without it."""
    fails(trials.licence(kid=trials.KEY), "signed with key it names, which is not in")


@pytest.mark.parametrize("payload", [b"[]", b"null", b"{", b"\xff", b"[" * 100_000, b'{"kid": "t1"}'])
def test_payloads_that_are_none(payload: bytes) -> None:
    """What is signed need not be claims."""
    fails(trials.signed(payload), "no valid trial licence")


@pytest.mark.parametrize("insert", ["=", " ", "\n", "+", "/", "é", "."])
def test_base64url_is_read_strictly(insert: str) -> None:
    """Padding, white space and foreign characters inside a part are not dropped in silence."""
    half = len(trials.WORKED.partition(".")[0]) // 2
    fails(trials.WORKED[:half] + insert + trials.WORKED[half:], "trial licence")
    fails(trials.WORKED + "=", "trial licence")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text ends in anything but a licence or the one error."""
    with pytest.raises(UnusableCredential):
        licences.read(text, trials.KEYS)


def test_a_table_may_hold_words_instead_of_a_key() -> None:
    """The config's own example text is no key, and that is said."""
    fails(trials.WORKED, "no Ed25519 public key", {"t1": "base64 of an Ed25519 public key"})
    fails(trials.WORKED, "no Ed25519 public key", {"t1": "AAAA"})


def test_what_looks_like_a_licence() -> None:
    """A licence typed in the place of a file is known as one; a file name is not."""
    assert licences.looks_like_one(trials.WORKED)
    assert not licences.looks_like_one("licence.txt")
    assert not licences.looks_like_one("-")
