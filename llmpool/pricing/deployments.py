"""Prices of deployments: the book and the owner's prices looked up once for each model of a provider.

A custom price under `provider/model` is that deployment's alone: a model of the same name that a gateway
sells is another product.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from llmpool.core.deployment import Deployment, ObservedModel
from llmpool.core.price import Price
from llmpool.core.provider import Provider
from llmpool.pricing.book import Priced, Rate, Rates, Tiers, plain
from llmpool.pricing.lookup import LOCAL, Own, is_pattern, look_up
from llmpool.pricing.match import Book

ZERO = Decimal(0)
NOTHING: Mapping[str, str] = {}
Line = list[Any]  # of a compiled document: a number and a price, or a deployment and the number of its price


class Pricer:
    """Looks prices up, each once; *vendor_of* names the vendor in the book of a preset, or of an id.

    *paid* are the presets whose calls are paid already, with what by.
    """

    def __init__(
        self,
        book: Book,
        own: Own,
        providers: Iterable[Provider],
        vendor_of: Callable[[str], str],
        moment: datetime,
        *,
        paid: Mapping[str, str] = NOTHING,
    ) -> None:
        self.book = book
        self.own = own
        self.moment = moment
        self._paid = paid
        self._vendor_of = vendor_of
        self._providers = {provider.id: provider for provider in providers}
        self._custom = _Custom(own, self._providers)
        self._known: dict[tuple[str, ...], Priced | None] = {}
        self._one: dict[object, Priced] = {}
        self._flat: dict[int, Price | None] = {}
        self._dear: dict[int, list[Line]] = {}

    def __call__(self, provider: Provider, model: str, seen: ObservedModel | None) -> Price | None:
        """Return what a model that is not local costs now, at its base tier."""
        found = self.priced(provider.id, model, seen)
        if found is None:
            return None
        if id(found) not in self._flat:
            self._flat[id(found)] = found.price(self.moment)
        return self._flat[id(found)]

    def priced(self, provider: str, model: str, seen: ObservedModel | None = None) -> Priced | None:
        """Look up the price of a model that is not local, whether anybody lists it or not."""
        listed = (seen.input_price, seen.output_price) if seen else ("", "")
        known = self._providers.get(provider)
        preset = known.preset if known else provider
        vendor, paid = self._vendor_of(preset), self._paid.get(preset, "")
        key = (provider if self._custom.by_provider else "", vendor, paid, model, *listed)
        if key not in self._known:
            self._known[key] = self._look_up(provider, vendor, paid, model, listed)
        return self._known[key]

    def until(self) -> float | None:
        """Return when the first of the prices looked up may change, in seconds since the epoch."""
        changes = (each.changes(self.moment) for each in self._one.values())
        first = min(filter(None, changes), default=None)
        return None if first is None else first.timestamp()

    def without_own(self) -> Pricer:
        """Return the same without the owner's prices."""
        providers = self._providers.values()
        return Pricer(self.book, Own(), providers, self._vendor_of, self.moment, paid=self._paid)

    def lines(self, deployments: Iterable[Deployment]) -> list[Line]:
        """List every price once under a number, then each deployment with the number of its price."""
        numbers: dict[int, int] = {}
        prices: list[Line] = []
        refs: list[Line] = []
        for each in deployments:
            local = each.location == "local"
            found = LOCAL if local else self.priced(each.provider, each.model, each.observed)
            if found is not None and id(found) not in numbers:
                numbers[id(found)] = len(prices)
                prices.append([len(prices), found.as_data()])
            refs.append([each.id, None if found is None else numbers[id(found)]])
        return prices + refs

    def dear(self, deployments: Iterable[Deployment]) -> dict[str, list[Line]]:
        """List what two figures do not tell: per size of the prompt input and output, and each request.

        The input is what a prompt costs at worst, which is written to a cache where that is dearer.
        """
        found = {}
        for each in deployments:
            if each.price is None or each.location == "local":
                continue
            priced = self.priced(each.provider, each.model, each.observed)
            if priced is not None and (steps := self._steps(priced)):
                found[each.id] = steps
        return found

    def _steps(self, priced: Priced) -> list[Line]:
        """Give the steps of a price, none where there is one that two figures tell; once each."""
        if id(priced) not in self._dear:
            rates = priced.at(self.moment)
            tiers = [rate for rate in rates[:-1] if isinstance(rate, Tiers)]
            starts = [0, *sorted({start for tier in tiers for start, _ in tier.above})]
            steps = [_step(rates, start) for start in starts]
            plain_one = len(steps) == 1 and steps[0][1] == _spelt(rates.input, 0) and not rates.per_request
            self._dear[id(priced)] = [] if plain_one else steps
        return self._dear[id(priced)]

    def _look_up(
        self, provider: str, vendor: str, paid: str, model: str, listed: tuple[str, str]
    ) -> Priced | None:
        found = look_up(
            self.book,
            self._custom.of(provider, model),
            provider=provider,
            vendor=vendor,
            model=model,
            listed=_rates(*listed),
            paid_by=paid,
        )
        return None if found is None else self._same(self._custom.told(found))

    def _same(self, found: Priced) -> Priced:
        """Return the one object of equal prices: what an entry of the book says is told by its name."""
        key = (found.source, found.matched, found.version) if found.version else found
        return self._one.setdefault(key, found)


def _step(rates: Rates, start: int) -> Line:
    """Give the rates of prompts longer than *start*, the input at worst: some vendors cache it unasked."""
    sent = max(rates.input, rates.cache_write, key=lambda rate: _at(rate, start))
    return [start, *(_spelt(rate, start) for rate in (sent, rates.output, rates.per_request))]


def _spelt(rate: Rate, start: int) -> str:
    return plain(_at(rate, start))


def _at(rate: Rate, start: int) -> Decimal:
    return rate.at(start + 1) if isinstance(rate, Tiers) else rate or ZERO


class _Custom:
    """The owner's prices as `look_up` takes them: it puts a colon where an id has a slash.

    *by_provider* says whether the same model may cost something else elsewhere.
    """

    def __init__(self, own: Own, providers: Mapping[str, Any]) -> None:
        self.own = own
        self.by_provider = any(mark in key for key in own.custom for mark in "/:")
        self.typed: dict[str, str] = {}
        self.alone: dict[str, Own] = {}
        common: dict[str, Mapping[str, Any]] = {}
        alone = []
        for key, entry in own.custom.items():
            head, slash, model = key.partition("/")
            if slash and not is_pattern(key):  # a deployment's, though its provider may be configured no more
                alone.append((key, f"{head}:{model}", entry))
                if head in providers:
                    continue  # else it may be the name that a gateway has for a model
            common[key] = entry
            if slash and is_pattern(key):  # of ids, or of names that a gateway has
                self.typed[f"{head}:{model}"] = key
                common[f"{head}:{model}"] = entry
        self.common = own._replace(custom=common)
        for key, spelt, entry in alone:
            self.typed[spelt] = key
            self.alone[key] = own._replace(custom=common | {spelt: entry})

    def of(self, provider: str, model: str) -> Own:
        """Return the prices that count for a deployment."""
        return self.alone.get(f"{provider}/{model}", self.common) if self.alone else self.common

    def told(self, found: Priced) -> Priced:
        """Name what matched as the owner wrote it, and date it."""
        if found.source not in ("custom", "default"):
            return found
        key = self.typed.get(found.matched, found.matched)
        entry = (self.own.default if found.source == "default" else self.own.custom.get(key)) or {}
        return found._replace(matched=key, version=str(entry.get("set_at", "")))


def _rates(input_price: str, output_price: str) -> Rates | None:
    """Return what a provider lists its model at, where that is two amounts."""
    try:
        amounts = Decimal(input_price), Decimal(output_price)
    except InvalidOperation:
        return None
    if not all(amount.is_finite() and amount >= 0 for amount in amounts):
        return None
    return Rates(input=amounts[0], output=amounts[1])
