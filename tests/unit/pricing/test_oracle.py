"""The price book and its sums agree with the genai-prices library: every entry, every turn of a price."""

from __future__ import annotations

import random
from datetime import timedelta, timezone

import pytest
from genai_prices.data import providers
from genai_prices.data_snapshot import DataSnapshot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmpool.core.outcome import TokenUsage
from llmpool.pricing.book import read_priced
from llmpool.pricing.total import cost
from tests.unit.pricing.published import NOW, bill, book, entries, moments, starts

COUNTS = st.one_of(st.integers(0, 2_000), st.integers(0, 3_000_000), st.integers(0, 10**9))


@st.composite
def usages(draw: st.DrawFn) -> TokenUsage:
    """Draw counts as servers report them: cached tokens are inside input, reasoning is inside output."""
    read, write, output = draw(COUNTS), draw(COUNTS), draw(COUNTS)
    return TokenUsage(
        input=read + write + draw(COUNTS),
        output=output,
        cache_read=read,
        cache_write=write,
        cache_write_1h=draw(st.integers(0, write)),
        reasoning=draw(st.integers(0, output)),
    )


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.large_base_example])
@given(st.lists(usages(), min_size=7, max_size=7))
def test_every_model_costs_what_the_library_says(drawn: list[TokenUsage]) -> None:
    """To the last digit, now and just before and after every change of its price."""
    for number, (vendor, model) in enumerate(entries()):
        priced = book().entry(vendor.id, model.id)
        assert priced is not None
        for turn, moment in enumerate(moments(model)):
            usage = drawn[(number + turn) % len(drawn)]
            ours = cost(priced.at(moment), usage)
            assert ours == bill(vendor, model, usage, moment), (vendor.id, model.id, moment, usage)


def test_tiers_begin_where_the_library_has_them_begin() -> None:
    """A prompt of exactly the start of a tier, and of one token more, at every tier of every model."""
    seen = 0
    for vendor, model in entries():
        priced = book().entry(vendor.id, model.id)
        assert priced is not None
        for start in sorted(starts(model)):
            for prompt in (start, start + 1):
                usage = TokenUsage(input=prompt, output=777, cache_read=prompt // 3, cache_write=prompt // 4)
                assert cost(priced.at(NOW), usage) == bill(vendor, model, usage, NOW), (model.id, prompt)
                seen += 1
    assert seen > 100


@pytest.mark.parametrize("hours", [-11, 0, 5.5, 14])
def test_a_moment_is_the_same_moment_in_any_zone(hours: float) -> None:
    """What is cheaper by night is cheaper by night in UTC, wherever the clock is."""
    zone = timezone(timedelta(hours=hours))
    usage = TokenUsage(input=1_000_000, output=1_000_000)
    for vendor, model in entries():
        if vendor.id == "deepseek":
            priced = book().entry(vendor.id, model.id)
            assert priced is not None
            for moment in moments(model):
                assert cost(priced.at(moment.astimezone(zone)), usage) == bill(vendor, model, usage, moment)


def test_names_find_the_entries_that_the_library_finds() -> None:
    """Every id at its own vendor, spelt as it is, in capitals, with more behind and with a date."""
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    chance = random.Random(6)
    tails = ("", "-20251211", "-2025-12-11", ":free", "-v1:0", "-latest", "-preview")
    for number, (vendor, model) in enumerate(entries()):
        for tail in (tails[number % len(tails)], chance.choice(tails)):
            name = (model.id + tail).upper() if number % 3 == 0 else model.id + tail
            assert _found(vendor.id, name) == _theirs(snapshot, vendor.id, name), (vendor.id, name)


def test_vendors_sell_what_the_library_says_they_sell() -> None:
    """Azure passes OpenAI's prices on, Google those of Anthropic; others sell nothing of each other's."""
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    for vendor in ("azure", "google", "groq", "anthropic", "together"):
        for name in ("gpt-5-mini", "claude-opus-4-6", "deepseek-chat", "grok-4-0709", "llama-3.3-70b"):
            assert _found(vendor, name) == _theirs(snapshot, vendor, name), (vendor, name)


def test_makers_are_those_the_library_names() -> None:
    """A name alone tells whose model it is, and so does `maker/model` as a gateway has it."""
    snapshot = DataSnapshot(providers=providers, from_auto_update=False)
    for vendor, model in entries():
        for name, told in ((model.id, None), (f"{vendor.id}/{model.id}", "litellm")):
            ours = book().find_maker(name)
            theirs = _theirs(snapshot, told, name)
            if told is None and "/" in name and name.split("/", 1)[0] in book():
                continue  # here a gateway's spelling, there only when told so
            assert (ours.matched if ours else None) == theirs, name


def test_a_price_reads_back_from_what_it_is_written_as() -> None:
    """The compiled document, which is all that hot commands read, says what the book says."""
    for vendor, model in entries():
        priced = book().entry(vendor.id, model.id)
        assert priced is not None
        assert read_priced(priced.as_data()) == priced
        flat = priced.price(NOW)
        assert (flat is None) == (not priced.at(NOW).by_tokens)


def _found(vendor: str, name: str) -> str | None:
    found = book().find(vendor, name)
    return found.matched if found else None


def _theirs(snapshot: DataSnapshot, vendor: str | None, name: str) -> str | None:
    try:
        where, model = snapshot.find_provider_model(name, None, vendor, None)
    except LookupError:
        return None
    owner = next(each for each in (where, *providers) if any(model is one for one in each.models))
    return f"{owner.id}/{model.id}"
