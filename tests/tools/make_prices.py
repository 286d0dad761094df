"""Make llmpool's built-in price book out of the data that the genai-prices package carries.

    python -m tests.tools.make_prices llmpool/data/prices.json [DAY]

The package has its list as Python values; they are written here as its project publishes them, and packed by
`llmpool.pricing.upstream`, which packs what `usage prices update` downloads as well. DAY is when that was,
today where it is not given: a book that was downloaded before it is older than this one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types
from genai_prices.data import providers

from llmpool.pricing.upstream import packed

NOTE = "made by tests/tools/make_prices.py out of genai-prices, see PRICES-LICENSE; do not edit"


def document(day: str) -> dict[str, Any]:
    """Build the book out of the installed package, as of *day*."""
    made = packed([published(vendor) for vendor in providers], f"genai-prices {version('genai-prices')}")
    return {"schema": made["schema"], "note": NOTE, "date": day, **made}


def published(vendor: types.Provider) -> dict[str, Any]:
    """Write a vendor as the project's own `data.json` has it."""
    return {
        "id": vendor.id,
        "model_match": clause(vendor.model_match) if vendor.model_match else None,
        "fallback_model_providers": vendor.fallback_model_providers,
        "models": [
            {"id": model.id, "match": clause(model.match), "prices": prices(model.prices)}
            for model in vendor.models
        ],
    }


def clause(match: Any) -> dict[str, Any]:
    """Write a clause by its one field."""
    ((name, what),) = vars(match).items()
    several = isinstance(what, list)
    return {name.rstrip("_"): [clause(each) for each in what] if several else what}


def prices(said: types.ModelPrice | list[types.ConditionalPrice]) -> Any:
    """Write a price, or the history of one."""
    if isinstance(said, types.ModelPrice):
        return rates(said)
    return [{"constraint": dict(condition(each.constraint)), "prices": rates(each.prices)} for each in said]


def condition(constraint: Any) -> Iterator[tuple[str, str]]:
    """Yield when a price holds."""
    for name, moment in vars(constraint).items() if constraint else ():
        yield name, moment.isoformat()


def rates(price: types.ModelPrice) -> dict[str, Any]:
    """Write the rates, decimals as text."""
    return {name: rate(each) for name, each in vars(price).items() if each is not None}


def rate(said: Any) -> Any:
    """Write one rate, with its tiers if it has any."""
    if isinstance(said, types.TieredPrices):
        tiers = [{"start": tier.start, "price": str(tier.price)} for tier in said.tiers]
        return {"base": str(said.base), "tiers": tiers}
    return str(said)


def text_of(made: Mapping[str, Any]) -> str:
    """Write the book with one model a line, so that a change shows where it is."""
    shelves = []
    for vendor, shelf in made["vendors"].items():
        head = "".join(f"{json.dumps(key)}:{_short(shelf[key])}," for key in shelf if key != "models")
        models = ",\n".join(_short(entry) for entry in shelf["models"])
        shelves.append(f'{json.dumps(vendor)}:{{{head}"models":[\n{models}\n]}}')
    first = {key: value for key, value in made.items() if key != "vendors"}
    return _short(first)[:-1] + ',"vendors":{\n' + ",\n".join(shelves) + "\n}}\n"


def _short(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def main(arguments: list[str]) -> None:
    """Write the book to the file that *arguments* name."""
    target, day = [*arguments, datetime.now(UTC).date().isoformat()][:2]
    Path(target).write_text(text_of(document(day)), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
