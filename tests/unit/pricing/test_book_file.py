"""prices.json, the price book that ships: made of genai-prices, and known to be."""

from __future__ import annotations

from importlib.metadata import version
from pathlib import Path

from llmpool.config.presets import presets
from llmpool.data import prices
from llmpool.pricing import family
from tests.tools import make_prices
from tests.unit.pricing.published import NOW, book


def test_the_committed_book_is_the_one_that_is_made() -> None:
    """Nobody edits it; a newer genai-prices asks for `python -m tests.tools.make_prices`."""
    made = make_prices.document(prices.document()["date"])
    assert prices.FILE.read_text(encoding="utf-8") == make_prices.text_of(made)
    assert prices.document() == made


def test_the_book_says_what_it_is_made_of() -> None:
    """The data's version is in every answer, the notice of its licence beside the file."""
    assert book().version == f"genai-prices {version('genai-prices')}"
    priced = book().find("openai", "gpt-4o")
    assert priced is not None
    assert priced.version == book().version
    notice = Path(prices.FILE).with_name("PRICES-LICENSE").read_text(encoding="utf-8")
    assert book().version in notice
    assert "Permission is hereby granted, free of charge" in notice


def test_every_preset_with_a_price_list_is_led_to_it() -> None:
    """The vendors named are in the book, and the presets are presets."""
    assert set(prices.VENDORS) <= set(presets())
    sellers = {vendor for vendor in book().vendors if vendor.startswith("huggingface_")}
    assert sellers
    assert set(prices.VENDORS.values()) - {"huggingface"} <= set(book().vendors)
    assert prices.vendor_of("ollama") == ""
    assert prices.vendor_of("grok") == "x-ai"


def test_every_family_has_members_in_the_book() -> None:
    """Each tier's first entry is there and costs something; so is the default tier of each family."""
    for each in family.FAMILIES:
        assert each.default in dict(each.tiers)
        for _, entries in each.tiers:
            for entry in entries:
                priced = book().entry(*entry.split("/", 1))
                assert priced is not None, entry
                assert family.charges(priced), entry


def test_what_is_free_and_what_tokens_do_not_price_are_told_apart() -> None:
    """A free model costs nothing; of one that is paid by the hour, tokens tell nothing."""
    free = book().find("openrouter", "qwen/qwen-2.5-7b-instruct:free")
    hourly = book().find("groq", "whisper-large-v3")
    assert free is not None
    assert hourly is not None
    shown = free.price(NOW)
    assert shown is not None
    assert (shown.input, shown.output) == ("0", "0")
    assert hourly.price(NOW) is None
    assert [name for name, _ in hourly.at(NOW).other] == ["audio_hours", "input_audio_hours"]
