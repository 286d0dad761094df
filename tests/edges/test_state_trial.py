"""trial.json: what is used of a trial is counted once, by whoever counts, and cannot be written by hand."""

from __future__ import annotations

import base64
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.trial import Quota, Terms
from llmpool.errors import StateUnusable
from llmpool.state import trial
from llmpool.usage import trial as rules
from tests.support import python_environment

NOW = 1_795_000_000.0
SIGNED = bytes(range(64))
TERMS = Terms(kid="t1", url="https://t.test/", format="anthropic", model="m", limit=10000, issued=1700000000)
WORKED = (  # example 41
    "eyJ0b2tlbnNfdXNlZCI6NTAwMCwiZXhoYXVzdGVkIjpmYWxzZSwibGFzdF91cGRhdGVkIjoiMjAyNi0wMS0wMlQwMzowNDowNVoiLCJod"
    "20iOjE3MDAwMDAwMDAsImxpY2Vuc2VfaWF0IjoxNjAwMDAwMDAwfQ.wI_x9EqqPHhsoCQ8FZ_jpNwf3oO_LskwQMQNnGo84fI"
)
COUNTING = """
import sys
from pathlib import Path
from llmpool.core.trial import Terms
from llmpool.state import trial
fields = dict(kid="t1", url="https://t.test/", format="anthropic", model="m")
terms = Terms(**fields, limit=10000, issued=1700000000)
for n in range(int(sys.argv[2])):
    trial.count(Path(sys.argv[1]), terms, bytes(range(64)), 1, 1795000000.0)
    print(n, flush=True)
"""


def start(state: Path, terms: Terms = TERMS, *, now: float = NOW, activated: bool = False) -> Quota:
    """Find the trial as a run does."""
    return trial.start(state, terms, SIGNED, now, activated=activated)


def count(state: Path, tokens: int, now: float = NOW) -> Quota:
    """Count a request."""
    return trial.count(state, TERMS, SIGNED, tokens, now)


def rewrite(state: Path, **fields: Any) -> None:
    """Write fields of the file by hand."""
    path = state / trial.NAME
    document = json.loads(path.read_text())
    document["data"] |= fields
    path.write_text(json.dumps(document))


def sealed(state: Path) -> str:
    """Return the sealed text in the file."""
    return str(json.loads((state / trial.NAME).read_text())["data"]["sealed"])


def test_example_41_the_sealed_text() -> None:
    """Example 41: the text for these figures is this one, to the last character, and opens again."""
    quota = Quota(tokens_used=5000, last_updated="2026-01-02T03:04:05Z", hwm=1700000000, issued=1600000000)
    assert trial.seal(quota, SIGNED) == WORKED
    assert trial.opened(WORKED, SIGNED) == quota
    assert trial.opened(WORKED, SIGNED[:32]) == quota  # 32 bytes of the signature are the key


@pytest.mark.parametrize("field", [{"reason": "\ud800"}, {"reason": "x" * 65}, {"last_updated": "soon"}])
def test_what_nobody_wrote_is_no_quota_even_when_sealed(field: dict[str, str]) -> None:
    """Whoever has the licence can seal any words; such as llmpool never writes are not shown."""
    assert trial.opened(trial.seal(Quota(hwm=5, issued=5).replace(**field), SIGNED), SIGNED) is None


def test_a_count_stops_where_it_could_not_be_read_back() -> None:
    """Tokens beyond all reason end the trial, and the seal still opens."""
    full = Quota(tokens_used=rules.MOST - 1, hwm=5, issued=5)
    counted = rules.counted(full, TERMS, 1 << 40, NOW)
    assert (counted.tokens_used, counted.reason) == (rules.MOST, rules.LIMIT)
    assert trial.opened(trial.seal(counted, SIGNED), SIGNED) == counted


def test_example_42_tampering_closes_the_trial(tmp_path: Path) -> None:
    """Example 42: an old figure, no MAC, another signature: exhausted, state_tampered, and signed again."""
    start(tmp_path)
    count(tmp_path, 9000)
    good = sealed(tmp_path)
    text, _, mac = good.partition(".")
    cheap = base64.urlsafe_b64encode(
        json.dumps(json.loads(base64.urlsafe_b64decode(text + "==")) | {"tokens_used": 0}).encode()
    )
    for bad in (f"{cheap.decode().rstrip('=')}.{mac}", text, f"{text}.", "", trial.seal(Quota(), b"other")):
        rewrite(tmp_path, sealed=good)
        assert start(tmp_path).tokens_used == 9000
        rewrite(tmp_path, sealed=bad)
        stands = start(tmp_path, activated=True)
        assert (stands.exhausted, stands.reason, stands.tokens_used) == (True, "state_tampered", 0)
        assert rules.code(stands.reason) == "trial_quota_exhausted"
        assert trial.opened(sealed(tmp_path), SIGNED) == stands  # it is signed again, and stays closed
        assert start(tmp_path) == stands


def test_a_lowered_issue_time_is_no_new_licence(tmp_path: Path) -> None:
    """What is sealed says whose it is; a licence that was installed here before does not begin anew."""
    start(tmp_path)
    count(tmp_path, 9000)
    rewrite(tmp_path, license_iat=1)
    assert start(tmp_path).tokens_used == 9000
    rewrite(tmp_path, license_iat=1, sealed="x")
    assert start(tmp_path, activated=True).reason == "state_tampered"


def test_example_43_tokens_are_counted_to_the_end_and_beyond(tmp_path: Path) -> None:
    """Example 43: 9999 of 10000 are fine, one more ends it, and 500 after that are still counted."""
    start(tmp_path)
    count(tmp_path, 6000)
    stands = count(tmp_path, 3999)
    assert (stands.tokens_used, stands.exhausted, trial.barred(tmp_path, NOW)) == (9999, False, "")
    stands = count(tmp_path, 1)
    assert (stands.tokens_used, stands.exhausted, stands.reason) == (10000, True, "token_limit")
    stands = count(tmp_path, 500)
    assert (stands.tokens_used, stands.reason) == (10500, "token_limit")
    assert start(tmp_path) == stands
    assert rules.code(stands.reason) == "trial_quota_exhausted_tokens"
    assert trial.barred(tmp_path, NOW) == "trial: its 10000 tokens are used up (10500 were used)"


def test_example_44_a_clock_that_goes_back(tmp_path: Path) -> None:
    """Example 44: 48 hours back is a rollback that stays, 299 s back is a correction, and 300 s too."""
    for ahead, reason in ((48 * 3600, "clock_rollback"), (301, "clock_rollback"), (300, ""), (299, "")):
        state = tmp_path / str(ahead)
        start(state, now=NOW + ahead)
        assert (trial.barred(state, NOW) != "") == bool(reason)
        assert start(state, now=NOW).reason == reason
        assert start(state, now=NOW + ahead).reason == reason
    assert rules.code("clock_rollback") == "trial_clock_tampered"


def test_small_steps_back_do_not_add_up(tmp_path: Path) -> None:
    """The latest time that was seen counts, not the last: many corrections are no way around the rule."""
    start(tmp_path)
    for step in (200, 300):
        assert count(tmp_path, 1, NOW - step).reason == ""
    assert start(tmp_path, now=NOW - 400).reason == "clock_rollback"


def test_example_44_a_newer_licence_begins_anew(tmp_path: Path) -> None:
    """Example 44: issued 1000000 with 5000 used, then 2000000: nothing used; the same again keeps its use."""
    first, second = TERMS.replace(issued=1000000), TERMS.replace(issued=2000000)
    start(tmp_path, first)
    trial.count(tmp_path, first, SIGNED, 5000, NOW)
    assert start(tmp_path, first).tokens_used == 5000
    other = bytes(64)
    fresh = trial.start(tmp_path, second, other, NOW, activated=False)
    assert (fresh.tokens_used, fresh.exhausted) == (0, False)
    trial.count(tmp_path, second, other, 7, NOW)
    assert trial.start(tmp_path, second, other, NOW).tokens_used == 7


def test_an_older_licence_does_not_take_turns_with_a_newer(tmp_path: Path) -> None:
    """Going back to an older licence would begin anew each time, so it is none; the newer one's use stays."""
    start(tmp_path)
    count(tmp_path, 4000)
    older = TERMS.replace(issued=TERMS.issued - 1)
    stands = trial.start(tmp_path, older, bytes(64), NOW)
    assert (stands.exhausted, stands.reason) == (True, "invalid_license")
    trial.count(tmp_path, older, bytes(64), 10, NOW)
    assert start(tmp_path).tokens_used == 4000


def test_an_expired_licence_ends_without_a_trace(tmp_path: Path) -> None:
    """Expiry goes by the clock of each run; a clock that was wrong for a while closes nothing."""
    terms = TERMS.replace(expires=int(NOW) + 10)
    start(tmp_path, terms)
    assert start(tmp_path, terms, now=NOW + 11).reason == "license_expired"
    assert trial.barred(tmp_path, NOW + 11) == "trial: it ended on 2026-11-18T11:06:50Z"
    assert start(tmp_path, terms, now=NOW).reason == ""


def test_a_state_that_is_gone(tmp_path: Path) -> None:
    """Where the licence was installed before, a missing state is one that was deleted."""
    assert start(tmp_path / "new").exhausted is False
    assert start(tmp_path / "old", activated=True).reason == "state_tampered"


def test_a_corrupt_file_is_no_fresh_start(tmp_path: Path) -> None:
    """It is set aside and refused until its owner settles it; routing says so instead of failing."""
    start(tmp_path)
    (tmp_path / trial.NAME).write_text("{")
    assert "corrupt" in trial.barred(tmp_path, NOW)
    with pytest.raises(StateUnusable):
        start(tmp_path)
    assert trial.terms(tmp_path) is None


def test_a_limit_of_nothing_ends_with_the_first_request(tmp_path: Path) -> None:
    """A limit of 0 is not over at the start."""
    none = TERMS.replace(limit=0)
    assert trial.start(tmp_path, none, SIGNED, NOW, activated=False).exhausted is False
    assert trial.count(tmp_path, none, SIGNED, 1, NOW).reason == "token_limit"


def test_forgotten_terms_keep_the_count(tmp_path: Path) -> None:
    """A removed trial goes on where it was when the same licence comes back."""
    trial.forget_terms(tmp_path)
    assert not (tmp_path / trial.NAME).exists()
    start(tmp_path)
    count(tmp_path, 4000)
    trial.forget_terms(tmp_path)
    assert trial.barred(tmp_path, NOW) == "trial: no licence is installed"
    assert start(tmp_path, activated=True).tokens_used == 4000


def test_nobody_else_reads_it(tmp_path: Path) -> None:
    """The file is its owner's alone."""
    start(tmp_path / "s")
    assert (tmp_path / "s" / trial.NAME).stat().st_mode & 0o777 == 0o600


def test_every_process_counts_and_a_killed_one_loses_nothing_it_said(tmp_path: Path) -> None:
    """Two count together while a third is killed: the sum is whole, and the file too."""
    start(tmp_path)
    env = python_environment(tmp_path)

    def child(times: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", COUNTING, str(tmp_path), str(times)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env)

    doomed, others = child(100_000), [child(20), child(20)]
    assert doomed.stdout is not None
    said = [doomed.stdout.readline() for _ in range(10)]
    doomed.send_signal(signal.SIGKILL)
    said += doomed.communicate()[0].splitlines()
    for other in others:
        other.communicate()
        assert other.returncode == 0
    used = start(tmp_path).tokens_used
    assert 40 + len(said) <= used <= 41 + len(said)  # the last one may have been counted and not said


@given(
    st.lists(st.integers(0, 5000), max_size=12),
    st.integers(0, 20000),
)
def test_counting_is_a_sum(steps: list[int], limit: int) -> None:
    """Used is the sum, exhausted is whether it has reached the limit, in whatever steps it came."""
    terms = TERMS.replace(limit=limit)
    quota = rules.started(terms, rules.Found(missing=True), NOW)
    for tokens in steps:
        quota = rules.counted(quota, terms, tokens, NOW)
    assert quota.tokens_used == sum(steps)
    assert quota.exhausted == (bool(steps) and sum(steps) >= limit)
    assert trial.opened(trial.seal(quota, SIGNED), SIGNED) == quota


@given(st.text(max_size=80), st.binary(max_size=70))
def test_any_text_is_opened_or_refused(text: str, signature: bytes) -> None:
    """No text ends in anything but a quota or nothing."""
    assert trial.opened(text, signature) is None
    trial.glimpse(text)
