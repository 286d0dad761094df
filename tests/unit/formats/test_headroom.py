"""Rate headers of every vendor become one record."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.limits import Headroom
from llmpool.formats.headroom import MAX_ENTRIES, headroom_in, read_headroom
from tests.unit.formats.rate_headers import AIMOCK, ANTHROPIC, CEREBRAS, GROQ, MISTRAL, OPENAI, TOGETHER

NOW = 1_772_148_829.0  # 2026-02-26T23:33:49Z, when ANTHROPIC was recorded


def entry(
    what: str,
    limit: int | None,
    remaining: int | None,
    resets: float | None = None,
    per: str = "",
) -> Headroom:
    """Write an expected entry; *resets* is seconds from NOW."""
    at = None if resets is None else pytest.approx(NOW + resets, abs=1e-3)
    return Headroom(what=what, per=per, limit=limit, remaining=remaining, resets_at=at)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (OPENAI, [entry("requests", 30000, 29999, 0.002), entry("tokens", 150_000_000, 149_999_978, 0)]),
        (GROQ, [entry("requests", 14400, 14398, 10.332999999), entry("tokens", 30000, 29987, 0.026)]),
        (AIMOCK, [entry("requests", 60, 0, 1), entry("tokens", 150_000, 0, 360)]),
        (
            ANTHROPIC,
            [
                entry("requests", 1000, 999, -1),
                entry("tokens", 540_000, 540_000, 0),
                entry("input_tokens", 450_000, 450_000, 0),
                entry("output_tokens", 90_000, 90_000, 0),
            ],
        ),
        (
            MISTRAL,
            [
                entry("requests", 60, 59, per="10 seconds"),
                entry("tokens", 2_000_000, 1_999_893, per="minute"),
                entry("tokens", 10_000_000_000, 9_999_999_893, per="month"),
            ],
        ),
        (TOGETHER, [entry("requests", 200, 199, 2)]),
        (
            CEREBRAS,
            [
                entry("requests", 10**9, 999_997_455, 33011.382867, per="day"),
                entry("tokens", 10**9, 999_998_298, 11.382867, per="minute"),
            ],
        ),
    ],
    ids=["openai", "groq", "aimock", "anthropic", "mistral", "together", "cerebras"],
)
def test_recorded_headers_are_read(headers: dict[str, str], expected: list[Headroom]) -> None:
    """What each vendor really sends becomes entries with limit, rest and time; other headers are none."""
    assert list(read_headroom(headers, NOW)) == expected


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        # OpenRouter: epoch milliseconds, and what is counted are requests
        (
            {
                "X-RateLimit-Limit": "50",
                "X-RateLimit-Remaining": "0",
                "X-RateLimit-Reset": f"{int(NOW + 60)}000",
            },
            [entry("requests", 50, 0, 60)],
        ),
        # Azure: whole seconds, and how long the window is; numbers below 0 are not told
        (
            {
                "x-ratelimit-limit-tokens": "30000",
                "x-ratelimit-remaining-tokens": "29000",
                "x-ratelimit-reset-tokens": "42",
                "x-ratelimit-renewalperiod-tokens": "60",
            },
            [entry("tokens", 30000, 29000, 42, per="minute")],
        ),
        ({"x-ratelimit-limit-tokens": "0", "x-ratelimit-remaining-tokens": "-1"}, []),
        ({"x-ratelimit-limit-tokens": "-1", "x-ratelimit-remaining-tokens": "-1"}, []),
        (
            {"x-ratelimit-limit-requests": "-1", "x-ratelimit-remaining-requests": "7"},
            [entry("requests", None, 7)],
        ),
        # a quota of nothing is told, and matters
        (
            {"x-ratelimit-limit-requests": "0", "x-ratelimit-remaining-requests": "0"},
            [entry("requests", 0, 0)],
        ),
        # xAI: no reset
        (
            {"x-ratelimit-limit-requests": "480", "x-ratelimit-remaining-requests": "479"},
            [entry("requests", 480, 479)],
        ),
        # Mistral, older
        (
            {
                "ratelimitbysize-limit": "500000",
                "ratelimitbysize-remaining": "467993",
                "ratelimitbysize-reset": "12",
                "x-ratelimitbysize-limit-month": "1000000000",
                "x-ratelimitbysize-remaining-month": "999967993",
            },
            [entry("tokens", 500_000, 467_993, 12), entry("tokens", 10**9, 999_967_993, per="month")],
        ),
        # Fireworks: what is read and what is written are counted apart; names as its users quote them
        (
            {
                "x-ratelimit-limit-tokens-prompt": "11250000",
                "x-ratelimit-remaining-tokens-prompt": "11249000",
                "x-ratelimit-limit-tokens-generated": "216000",
                "x-ratelimit-limit-tokens-cache-adjusted-prompt": "5400000",
                "x-ratelimit-over-limit": "no",
            },
            [entry("input_tokens", 11_250_000, 11_249_000), entry("output_tokens", 216_000, None)],
        ),
        # Together, tokens
        (
            {"x-tokenlimit-limit": "180000", "x-tokenlimit-remaining": "179900"},
            [entry("tokens", 180_000, 179_900)],
        ),
        # IETF drafts, old to new
        (
            {"RateLimit-Limit": "100, 100;w=60", "RateLimit-Remaining": "98", "RateLimit-Reset": "3"},
            [entry("requests", 100, 98, 3)],
        ),
        ({"ratelimit": "limit=100, remaining=50, reset=30"}, [entry("requests", 100, 50, 30)]),
        (
            {"ratelimit": '"a";r=50;t=30', "ratelimit-policy": '"a";q=100;w=60, "b";q=9000;w=86400'},
            [entry("requests", 100, 50, 30, per="minute")],
        ),
        ({"ratelimit-reset": "3"}, []),  # says when, but not of what
        # spelled twice: one entry
        (
            {"ratelimit-limit": "5", "x-ratelimit-limit": "5", "x-ratelimit-remaining": "4"},
            [entry("requests", 5, 4)],
        ),
    ],
)  # fmt: skip
def test_documented_shapes_are_read(headers: dict[str, str], expected: list[Headroom]) -> None:
    """Spellings that nobody recorded are read as their vendors' pages describe them (2026)."""
    assert list(read_headroom(headers, NOW)) == expected


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("12ms", 0.012),
        ("6m0s", 360),
        ("2m59.56s", 179.56),
        ("1h2m", 3720),
        ("1h2m3.5s", 3723.5),
        ("1d", 86400),
        ("350µs", 0.00035),
        ("350us", 0.00035),
        ("59", 59),
        ("59.5", 59.5),
        (str(int(NOW) + 60), 60),  # epoch, seconds
        (f"{int(NOW) + 60}.5", 60.5),
        (f"{int(NOW) + 60}000", 60),  # epoch, milliseconds
        ("2026-02-26T23:34:49Z", 60),
        ("2026-02-26T23:34:49.250Z", 60.25),
        ("2026-02-27T01:34:49+02:00", 60),
        ("2026-02-26T23:34:49", 60),  # no zone: UTC
        ("Thu, 26 Feb 2026 23:34:49 GMT", 60),
    ],
)
def test_every_form_of_a_reset_is_read(text: str, seconds: float) -> None:
    """A duration, a number of seconds, an epoch of either size and both dates name the same instant."""
    headers = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": text}
    assert list(read_headroom(headers, NOW)) == [entry("requests", None, 1, seconds)]


@pytest.mark.parametrize(
    "text",
    [
        "", "soon", "-1", "-5s", "5 s", "1m2", "ms", "NaN", "inf", "1e9", "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z", "1970-01-01T00:00:00Z", "Thu, 99 Foo 2026 23:34:49 GMT", ",", "9" * 20,
        "1" * 5000, "9999999h", "2026-02-26T23:34:49+99:99", "99999999999",
    ],
)  # fmt: skip
def test_a_reset_nobody_can_mean_is_unknown(text: str) -> None:
    """Garbage, and times beyond any window, leave the rest of the entry as it is."""
    headers = {"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": text}
    assert list(read_headroom(headers, NOW)) == [entry("requests", None, 1)]


@pytest.mark.parametrize("text", ["", "many", "1e5", "0x10", "١٢", "--1", "12 req", "9" * 40, "1,000", "NaN"])
def test_a_count_nobody_can_mean_is_unknown(text: str) -> None:
    """A number that is none is left out; beside a good one the good one counts."""
    assert read_headroom({"x-ratelimit-limit-requests": text}, NOW) == ()
    both = {"x-ratelimit-limit-requests": text, "x-ratelimit-remaining-requests": "3"}
    assert list(read_headroom(both, NOW)) == [entry("requests", None, 3)]


@pytest.mark.parametrize(
    "name",
    [
        "x-ratelimit-limit",  # fine by itself, below with a value that is none
        "x-ratelimit-limit-project-tokens",
        "x-ratelimit-limit-limit-requests",
        "x-ratelimit-requests",
        "anthropic-ratelimit-unified-5h-reset",
        "x-rate-limit-limit",
        "limit",
    ],
)
def test_names_nobody_knows_are_passed_over(name: str) -> None:
    """A header that only looks like one of these is no entry."""
    assert read_headroom({name: "no number"}, NOW) == ()
    assert name == "x-ratelimit-limit" or read_headroom({name: "7"}, NOW) == ()


def test_openrouter_tells_its_limits_in_the_body_of_an_error() -> None:
    """The headers inside `error.metadata` count as headers; anything else there counts as none."""
    headers = {
        "X-RateLimit-Limit": "50",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": f"{int(NOW + 9)}000",
    }
    payload = {"error": {"message": "Rate limit exceeded", "code": 429, "metadata": {"headers": headers}}}
    assert list(headroom_in(payload, NOW)) == [entry("requests", 50, 0, 9)]
    payload["error"]["metadata"] = {"headers": {"X-RateLimit-Limit": 50}}  # type: ignore[index]
    assert headroom_in(payload, NOW) == ()
    assert headroom_in([], NOW) == headroom_in(None, NOW) == headroom_in({"error": "no"}, NOW) == ()


NAMES = st.one_of(
    st.text(max_size=40),
    st.builds(
        "-".join,
        st.lists(
            st.sampled_from(
                (
                    "x",
                    "ratelimit",
                    "ratelimitbysize",
                    "anthropic",
                    "limit",
                    "remaining",
                    "reset",
                    "requests",
                    "tokens",
                    "input",
                    "output",
                    "10",
                    "minute",
                    "day",
                    "renewalperiod",
                    "policy",
                )
            ),
            max_size=7,
        ),
    ),
)
VALUES = st.one_of(
    st.text(max_size=60),
    st.from_regex(r"-?[0-9]{1,30}(\.[0-9]{0,5})?(ms|s|m|h)?", fullmatch=True),
    st.datetimes().map(str),
)


@given(st.dictionaries(NAMES, VALUES, max_size=30), st.floats(min_value=0, max_value=4e9))
def test_no_headers_whatever_raise(headers: dict[str, str], now: float) -> None:
    """Whatever a server sends, what comes out is bounded, in order, known in part, and finite."""
    entries = read_headroom(headers, now)
    assert len(entries) <= MAX_ENTRIES
    assert len({(e.what, e.per) for e in entries}) == len(entries)
    for found in entries:
        assert found.limit is not None or found.remaining is not None
        assert all(number is None or number >= 0 for number in (found.limit, found.remaining))
        assert found.resets_at is None or abs(found.resets_at - now) < 401 * 86_400


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda x: st.lists(x) | st.dictionaries(st.text(), x),
    )
)
def test_no_payload_whatever_raises(payload: object) -> None:
    """The body of an error may be any JSON."""
    assert headroom_in({"error": {"metadata": {"headers": payload}}}, NOW) == ()
    headroom_in(payload, NOW)


@given(st.integers(0, 10**12), st.integers(0, 10**12), st.integers(0, 86_400_000))
def test_a_go_duration_survives(limit: int, rest: int, milliseconds: int) -> None:
    """Counts come back as they were sent, and a duration to the millisecond."""
    minutes, left = divmod(milliseconds, 60_000)
    headers = {
        "x-ratelimit-limit-tokens": str(limit),
        "x-ratelimit-remaining-tokens": str(rest),
        "x-ratelimit-reset-tokens": f"{minutes}m{left // 1000}.{left % 1000:03d}s",
    }
    assert list(read_headroom(headers, NOW)) == [entry("tokens", limit, rest, milliseconds / 1000)]
