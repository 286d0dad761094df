"""formats.json: what was learnt, for how long, and for which address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.provider import Provider
from llmpool.formats.plan import Memory
from llmpool.state import formats, jsonfile
from llmpool.state.formats import Memories

NOW = 1_800_000_000.0
HOUR = 3600.0
FILE = "formats.json"


def made(id: str = "relay", **fields: Any) -> Provider:  # noqa: A002 - the field's own name
    """Make a provider at an address of its owner's, unless *fields* say otherwise."""
    base: dict[str, Any] = {"name": id, "preset": "", "format": "", "format_mode": "", "location": "cloud"}
    return Provider(id=id, **(base | {"url": "https://relay.example.com/v1"} | fields))


RELAY = made()
VENDOR = made("groq", preset="groq", format="openai", exact=True, url="https://api.groq.com/openai/v1")
LEARNING = VENDOR.replace(format_mode="auto")


def kept(state: Path, change: Callable[[Memories], None]) -> Memories:
    """Write a lesson and read all of them back."""
    formats.update(state, change)
    return formats.read(state)


def worked(provider: Provider, model: str, wire: str, **more: Any) -> Callable[[Memories], None]:
    """Make the lesson that a format worked, now unless *more* says otherwise."""
    return lambda known: formats.worked(
        known, provider, provider.url, model, wire, now=more.pop("now", NOW), **more
    )


def test_a_relay_remembers_by_model(tmp_path: Path) -> None:
    """At an owner's address a format is known of the model it worked for, at that URL, and of no other."""
    known = kept(tmp_path, worked(RELAY, "m", "anthropic"))
    assert known.memory(RELAY, "m", NOW + 1) == Memory(model="anthropic")
    assert known.memory(RELAY, "other", NOW + 1) == Memory()
    assert known.memory(RELAY.replace(url="https://relay.example.com/v1/"), "m", NOW) == Memory("anthropic")
    assert known.memory(RELAY.replace(url="https://relay.example.com/v2"), "m", NOW) == Memory()
    assert known.memory(made("another"), "m", NOW) == Memory()


def test_a_vendor_remembers_by_host(tmp_path: Path) -> None:
    """Elsewhere a format is known of the host, whatever the model."""
    known = kept(tmp_path, worked(LEARNING, "m", "anthropic"))
    assert known.memory(LEARNING, "other", NOW + 1) == Memory(provider="anthropic")
    assert known.memory(LEARNING.replace(url="https://api.groq.com/v2"), "x", NOW) == Memory("", "anthropic")
    assert known.memory(LEARNING.replace(url="https://elsewhere.example"), "x", NOW) == Memory()


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        (VENDOR, "m"),
        (RELAY.replace(format="openai", format_mode="pinned"), "m"),
        (RELAY.replace(url="https://relay.example.com/anthropic"), "m"),
        (RELAY, ""),
        (RELAY, "  "),
    ],
)
def test_what_is_settled_is_not_remembered(tmp_path: Path, provider: Provider, model: str) -> None:
    """Pinned, locked or asked without a model: nothing is written, and nobody need call."""
    assert Memories().remembers(provider, provider.url, model, "anthropic", NOW)
    known = kept(tmp_path, worked(provider, model, "anthropic"))
    assert (known.models, known.providers) == ({}, {})


def test_a_memory_lives_a_day(tmp_path: Path) -> None:
    """After 24 hours, or before its own time by a clock set back, it counts no more."""
    known = kept(tmp_path, worked(RELAY, "m", "anthropic"))
    assert known.memory(RELAY, "m", NOW + 24 * HOUR - 1).model == "anthropic"
    assert known.memory(RELAY, "m", NOW + 24 * HOUR).model == ""
    assert known.memory(RELAY, "m", NOW - 1).model == ""


def test_a_memory_is_confirmed_once_an_hour(tmp_path: Path) -> None:
    """What is fresh is left alone, so that a call need not write; another format is written at once."""
    known = kept(tmp_path, worked(RELAY, "m", "anthropic"))
    assert known.remembers(RELAY, RELAY.url, "m", "anthropic", NOW + HOUR - 1)
    assert not known.remembers(RELAY, RELAY.url, "m", "anthropic", NOW + HOUR)
    assert not known.remembers(RELAY, RELAY.url, "m", "openai", NOW + 1)
    before = (tmp_path / FILE).read_bytes()
    kept(tmp_path, worked(RELAY, "m", "anthropic", now=NOW + 60))
    assert (tmp_path / FILE).read_bytes() == before
    later = kept(tmp_path, worked(RELAY, "m", "anthropic", now=NOW + 2 * HOUR))
    assert later.memory(RELAY, "m", NOW + 25 * HOUR).model == "anthropic"


def test_a_models_memory_drops_the_hosts(tmp_path: Path) -> None:
    """What was thought of the whole host is dropped when a model there shows better."""
    known = Memories()
    known.providers["relay relay.example.com"] = {"format": "google", "at": NOW}
    formats.worked(known, RELAY, RELAY.url, "m", "openai", now=NOW)
    assert known.providers == {}


def test_the_model_that_answered_instead_is_remembered(tmp_path: Path) -> None:
    """An alias holds for a day; the same name is none."""
    known = kept(tmp_path, worked(RELAY, "sonnet", "anthropic", actual="claude-sonnet-4-5"))
    assert known.alias(RELAY, "sonnet", NOW + 1) == "claude-sonnet-4-5"
    assert known.alias(RELAY, "sonnet", NOW + 24 * HOUR) == ""
    assert known.alias(RELAY, "opus", NOW) == ""
    assert kept(tmp_path, worked(RELAY, "m", "anthropic", actual="m")).alias(RELAY, "m", NOW) == ""


def test_a_detection_is_for_its_url(tmp_path: Path) -> None:
    """It has no expiry, but another URL in the config makes it nobody's."""
    profile = {"tool_call_mode": "lite_native"}
    known = kept(tmp_path, lambda k: formats.detected(k, RELAY, "anthropic", NOW, profile=profile))
    assert known.memory(RELAY, "m", NOW + 9e8) == Memory(detected="anthropic")
    assert known.profile(RELAY) == profile
    moved = RELAY.replace(url="https://new.example.com")
    assert known.detected_format(moved) == ""
    assert known.profile(moved) == {}
    again = kept(tmp_path, lambda k: formats.detected(k, RELAY, "openai", NOW))
    assert (again.detected_format(RELAY), again.profile(RELAY)) == ("openai", profile)


def test_an_alternate_url_is_kept_while_the_config_allows_it(tmp_path: Path) -> None:
    """Valid while the configured URL is the same, and only at an address or host the config names."""
    provider = RELAY.replace(alternate_urls=("https://two.example.com/v1",))
    known = kept(tmp_path, lambda k: formats.use_endpoint(k, provider, "https://two.example.com/v1", NOW))
    assert known.endpoint(provider) == "https://two.example.com/v1"
    assert known.endpoint(provider.replace(url="https://moved.example.com")) == ""
    assert known.endpoint(provider.replace(alternate_urls=())) == ""
    formats.use_endpoint(known, provider, "https://relay.example.com/backend-api", NOW)
    assert known.endpoint(provider) == "https://relay.example.com/backend-api"
    formats.use_endpoint(known, provider, provider.url, NOW)
    assert known.endpoints == {}


@pytest.mark.parametrize(
    "elsewhere",
    [
        "http://relay.example.com/v1",
        "https://relay.example.com:444/v1",
        "https://evil.example",
        "http://[",
        "",
    ],
)
def test_no_key_goes_where_the_config_does_not_say(elsewhere: str) -> None:
    """A file that somebody changed cannot send a key to another scheme, host or port."""
    known = Memories()
    known.endpoints["relay"] = {"configured": RELAY.url, "url": elsewhere, "at": NOW}
    assert known.endpoint(RELAY) == ""


def test_where_the_listing_was_found(tmp_path: Path) -> None:
    """The base is kept like an endpoint, apart from it; nothing, or the configured URL, forgets it."""
    base = "https://relay.example.com/api/v1"
    known = kept(tmp_path, lambda k: formats.use_base(k, RELAY, base, NOW))
    assert (known.base(RELAY), known.endpoint(RELAY)) == (base, "")
    assert kept(tmp_path, lambda k: formats.use_base(k, RELAY, "", NOW)).base(RELAY) == ""


def test_the_memory_of_a_model_follows_the_endpoint(tmp_path: Path) -> None:
    """Formats are remembered for the URL in use."""
    provider = RELAY.replace(alternate_urls=("https://two.example.com/v1",))
    two = provider.alternate_urls[0]
    known = Memories()
    formats.worked(known, provider, two, "m", "anthropic", now=NOW)
    assert known.memory(provider, "m", NOW).model == ""
    formats.use_endpoint(known, provider, two, NOW)
    assert known.memory(provider, "m", NOW).model == "anthropic"


def test_what_was_refused_is_left_out_for_a_month(tmp_path: Path) -> None:
    """Each parameter of a deployment has its own time; sorted by name."""
    kept(tmp_path, lambda k: formats.refuse(k, "relay/m", "temperature", NOW))
    known = kept(tmp_path, lambda k: formats.refuse(k, "relay/m", "stop", NOW + 20 * 24 * HOUR))
    assert known.refused("relay/m", NOW + 29 * 24 * HOUR) == ("stop", "temperature")
    assert known.refused("relay/m", NOW + 30 * 24 * HOUR) == ("stop",)
    assert known.refused("relay/other", NOW) == ()
    formats.refuse(known, "relay/m", "top_p", NOW + 40 * 24 * HOUR)
    assert set(known.refusals["relay/m"]) == {"stop", "top_p"}


def test_a_provider_can_be_forgotten(tmp_path: Path) -> None:
    """All of its entries go, and nobody else's, whatever their names have in common."""
    known = Memories()
    for name in ("relay", "relay-2"):
        provider = made(name)
        formats.worked(known, provider, "https://relay.example.com/x", "m", "openai", now=NOW, actual="n")
        formats.detected(known, provider, "openai", NOW)
        formats.use_endpoint(known, provider, "https://relay.example.com/x", NOW)
        formats.use_base(known, provider, "https://relay.example.com/y", NOW)
        formats.refuse(known, f"{name}/m", "stop", NOW)
    formats.forget(known, "relay")
    other = made("relay-2")
    assert known.memory(made(), "m", NOW) == Memory()
    assert (known.endpoint(made()), known.refused("relay/m", NOW)) == ("", ())
    assert known.memory(other, "m", NOW) == Memory("openai", "", "openai")
    assert known.alias(other, "m", NOW) == "n"
    assert (known.base(other), known.refused("relay-2/m", NOW)) == ("https://relay.example.com/y", ("stop",))


def test_sections_are_bounded(tmp_path: Path) -> None:
    """A section keeps 2,048 entries; the oldest go."""

    def much(known: Memories) -> None:
        for n in range(2100):
            formats.worked(known, RELAY, RELAY.url, f"m{n}", "openai", now=NOW + n / 1000)
            formats.refuse(known, f"relay/m{n}", "stop", NOW + n / 1000)

    known = kept(tmp_path, much)
    assert len(known.models) == len(known.refusals) == 2048
    assert known.memory(RELAY, "m51", NOW + 9).model == ""
    assert known.memory(RELAY, "m52", NOW + 9).model == "openai"
    assert known.refused("relay/m2099", NOW + 9) == ("stop",)


def test_a_format_of_a_later_version_means_nothing_here() -> None:
    """It is neither an error nor a format."""
    known = Memories()
    known.models["relay https://relay.example.com/v1 m"] = {"format": "telepathy", "at": NOW}
    known.detected["relay"] = {"format": "telepathy", "url": RELAY.url, "at": NOW}
    assert known.memory(RELAY, "m", NOW) == Memory()


FOREIGN = [
    [],
    7,
    {"models": []},
    {"models": {"k": {}}},
    {"models": {"k": {"format": 1, "at": 1}}},
    {"models": {"k": {"format": "openai", "at": "now"}}},
    {"models": {"k": {"format": "openai", "at": 1e300}}},
    {"detected": {"relay": {"format": "openai", "at": 1}}},
    {"detected": {"relay": {"format": "openai", "at": 1, "url": "u", "profile": []}}},
    {"endpoints": {"relay": {"url": "u", "at": 1}}},
    {"aliases": {"k": {"model": None, "at": 1}}},
    {"refused": {"relay/m": []}},
    {"refused": {"relay/m": {"stop": True}}},
]


@pytest.mark.parametrize("data", FOREIGN)
def test_what_is_no_memory_is_set_aside(tmp_path: Path, data: Any) -> None:
    """A corrupt file costs a warning and what it held, never a run."""
    warnings: list[str] = []
    jsonfile.update(tmp_path / FILE, lambda _: data)
    jsonfile.on_warning(warnings.append)
    try:
        assert formats.read(tmp_path).as_data() == Memories().as_data()
    finally:
        jsonfile.on_warning(jsonfile._to_stderr)
    assert len(warnings) == 1
    assert list(tmp_path.glob(f"{FILE}.corrupt-*"))


NAMES = st.text(max_size=8)


@given(st.lists(st.tuples(NAMES, st.sampled_from(["openai", "anthropic"]), st.floats(0, 1e9)), max_size=12))
def test_lessons_come_back_from_disk(lessons: list[tuple[str, str, float]]) -> None:
    """Whatever models are called, what is read is what was written."""
    known = Memories()
    for model, wire, at in lessons:
        formats.worked(known, RELAY, RELAY.url, model, wire, now=at, actual="x")
        formats.refuse(known, f"relay/{model}", "stop", at)
    assert Memories(known.as_data()).as_data() == known.as_data()
