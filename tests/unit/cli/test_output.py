"""Words and figures for people, and the sizes and durations people type."""

from __future__ import annotations

import calendar
from decimal import Decimal

import pytest

from llmpool.cli import options, output
from llmpool.errors import Misuse

NOW = float(calendar.timegm((2026, 11, 21, 3, 44, 0)))


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "-"),
        (0, "0"),
        (512, "512"),
        (9999, "9999"),
        (10_000, "10 k"),
        (31_400, "31 k"),
        (999_499, "999 k"),
        (999_500, "1.0 M"),
        (1_000_000, "1.0 M"),
        (1_940_000, "1.9 M"),
        (31_000_000, "31 M"),
    ],
)
def test_counts_are_short(number: int | None, text: str) -> None:
    """Digits up to four, then k, then M with a decimal while it says something; never 1000 k."""
    assert output.count(number) == text


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (None, "?"),
        (0, "?"),
        (512, "512"),
        (4096, "4k"),
        (8192, "8k"),
        (32_768, "32k"),
        (131_072, "128k"),
        (128_000, "128k"),
        (200_000, "200k"),
        (256_000, "256k"),
        (400_000, "400k"),
        (1_000_000, "1M"),
        (1_048_576, "1M"),
        (1_047_576, "1.05M"),
        (2_000_000, "2M"),
    ],
)
def test_windows_are_called_what_people_call_them(tokens: int | None, text: str) -> None:
    """Powers of two and round thousands both read as the vendor says them; unknown is a question mark."""
    assert output.window(tokens) == text


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (None, "cost unknown"),
        ("0", "free"),
        (Decimal("0.00"), "free"),
        ("5.2", "$5.20"),
        ("1234.5", "$1234.50"),
        ("0.1", "$0.10"),
        ("0.0825", "$0.0825"),
        ("0.0008", "$0.0008"),
        ("0.0001", "$0.0001"),
        ("0.00009", "<$0.0001"),
    ],
)
def test_money_is_never_rounded_to_nothing(amount: str | Decimal | None, text: str) -> None:
    """Unknown is not free, free is not unknown, and small sums keep their digits."""
    assert output.money(amount) == text


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [(None, "-"), (0, "0.0 s"), (7, "7 ms"), (50, "0.1 s"), (1234, "1.2 s"), (61_000, "61.0 s")],
)
def test_durations_are_in_seconds(milliseconds: int | None, text: str) -> None:
    """One decimal, a dash when unknown."""
    assert output.seconds(milliseconds) == text


@pytest.mark.parametrize(
    ("then", "text"),
    [
        ("", "never"),
        ("2026-11-21T03:44:00Z", "0 s"),
        ("2026-11-21T03:43:01Z", "59 s"),
        ("2026-11-21T03:43:00Z", "1 min"),
        ("2026-11-21T02:44:01Z", "59 min"),
        ("2026-11-21T02:44:00Z", "1 h"),
        ("2026-11-20T03:44:01Z", "23 h"),
        ("2026-11-20T03:44:00.500Z", "1 d"),
        ("2026-10-22T03:44:00Z", "30 d"),
        ("2026-11-21T03:45:00Z", "0 s"),
    ],
)
def test_ages_are_rounded_down_to_one_unit(then: str, text: str) -> None:
    """Seconds, minutes, hours, days; a time in the future, from another clock, is now."""
    assert output.ago(then, NOW) == text


def test_a_number_agrees_with_its_word() -> None:
    """One call, two calls, no calls."""
    assert [output.plural(n, "call") for n in (0, 1, 2)] == ["0 calls", "1 call", "2 calls"]


def test_columns_are_for_cut_and_awk() -> None:
    """A tab between cells, a line a row, numbers as they are."""
    assert output.columns([["a", 1], ["b", None]]) == "a\t1\nb\tNone"
    assert output.columns([]) == ""


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("900", 900),
        ("32k", 32_768),
        ("32K", 32_768),
        ("1M", 1_048_576),
        ("1m", 1_048_576),
        ("1.5k", 1536),
        (" 8k ", 8192),
    ],
)
def test_sizes_accept_k_and_m(text: str, size: int) -> None:
    """As in the config, k is 1024 and M its square."""
    assert options.size(text) == size


@pytest.mark.parametrize("text", ["", "k", "-1", "1g", "1 k", "1e3", "0x10", "1k\n2", "٣x"])
def test_what_is_no_size_is_a_misuse_with_examples(text: str) -> None:
    """The error repeats what was typed and shows how to write it."""
    with pytest.raises(Misuse) as caught:
        options.size(text)
    assert repr(text) in caught.value.message
    assert "32k" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("20", 20), ("20s", 20), ("500ms", 0.5), ("5m", 300), ("1.5h", 5400), ("7d", 604_800)],
)
def test_durations_accept_their_units(text: str, seconds: float) -> None:
    """Milliseconds to days; a bare number is seconds."""
    assert options.seconds(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "s", "-1s", "5 m", "1w", "1M", "soon"])
def test_what_is_no_duration_is_a_misuse(text: str) -> None:
    """Case counts, for M is no minute, and the hint shows every unit."""
    with pytest.raises(Misuse) as caught:
        options.seconds(text)
    assert all(unit in caught.value.hint for unit in ("ms", "20s", "5m", "2h", "7d"))
