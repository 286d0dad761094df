"""Prices as values: rates, the steps of their history, and a price as it was found.

Everything here is read from and written to one spelling in JSON, in the price book, in the owner's own prices
and in compiled documents alike:

    rates  {"input": "1.25", "output": "10", "cache_read": ["0.1", [200000, "0.2"]], "other": {"...": "..."}}
    step   rates, and when they hold: {"from": "2026-03-13"} or {"hours": ["00:30", "16:30"]}, both in UTC
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from llmpool.core.price import Price


class Tiers(NamedTuple):
    """A rate that depends on the size of the prompt: all tokens cost the last tier that it is longer than."""

    base: Decimal
    above: tuple[tuple[int, Decimal], ...]

    def at(self, prompt: int) -> Decimal:
        """Return what each token costs with *prompt* tokens of input."""
        return next((rate for start, rate in reversed(self.above) if prompt > start), self.base)


Rate = Decimal | Tiers | None


class Rates(NamedTuple):
    """USD per million tokens, *per_request* USD each; None: charged with what it is part of, or not at all.

    Cached tokens are part of the input, those kept for an hour of the cache writes, reasoning of the output.
    *other* is what a record of tokens does not count: images, seconds of audio, searches, by unit.
    """

    input: Rate = None
    output: Rate = None
    cache_read: Rate = None
    cache_write: Rate = None
    cache_write_1h: Rate = None
    reasoning: Rate = None
    per_request: Rate = None
    other: tuple[tuple[str, Decimal | Tiers], ...] = ()

    @property
    def by_tokens(self) -> bool:
        """Whether tokens and requests tell the cost; a price per image or hour alone says nothing of them."""
        return not self.other or any(rate is not None for rate in self[:-1])

    @property
    def tiered(self) -> bool:
        """Whether any of the rates depends on the size of the prompt."""
        return any(isinstance(rate, Tiers) for rate in self[:-1])

    def as_data(self) -> dict[str, Any]:
        """Spell the rates as JSON has them, without those there are not."""
        rates: dict[str, Rate] = {name: getattr(self, name) for name in RATES}
        data: dict[str, Any] = {name: _spelt(rate) for name, rate in rates.items() if rate is not None}
        if self.other:
            data["other"] = {name: _spelt(rate) for name, rate in self.other}
        return data


RATES = Rates._fields[:-1]
FREE = Rates(input=Decimal(0), output=Decimal(0))


class Step(NamedTuple):
    """Rates and when they hold: from a date on, between two times of day, or (both None) always. UTC."""

    rates: Rates
    since: date | None = None
    hours: tuple[time, time] | None = None

    def holds(self, moment: datetime) -> bool:
        """Say whether the rates hold at *moment*, which is in UTC."""
        if self.since is not None and moment.date() < self.since:
            return False
        if self.hours is None:
            return True
        (start, end), now = self.hours, moment.time()
        return start <= now < end if start <= end else now >= start or now < end

    def as_data(self) -> dict[str, Any]:
        """Spell the step as JSON has it."""
        data = self.rates.as_data()
        if self.since is not None:
            data["from"] = self.since.isoformat()
        if self.hours is not None:
            data["hours"] = [_clock(each) for each in self.hours]
        return data


class Priced(NamedTuple):
    """A price as it was found: its history, who says so, what matched, and the version of the data."""

    steps: tuple[Step, ...]
    source: str
    matched: str = ""
    version: str = ""

    def step_at(self, moment: datetime) -> Step:
        """Return the last step that holds at *moment*, else the first of all; naive times are UTC."""
        if len(self.steps) == 1:
            return self.steps[0]
        utc = moment.astimezone(UTC) if moment.tzinfo is not None else moment
        return next((step for step in reversed(self.steps) if step.holds(utc)), self.steps[0])

    def changes(self, moment: datetime) -> datetime | None:
        """Return when another step may hold than at *moment*, in UTC; None where the rates stay."""
        days = [datetime.combine(step.since, time(), UTC) for step in self.steps if step.since]
        clocks = [
            datetime.combine(moment.date(), each, UTC) for step in self.steps for each in step.hours or ()
        ]
        clocks = [each if each > moment else each + timedelta(days=1) for each in clocks]
        return min((each for each in days + clocks if each > moment), default=None)

    def at(self, moment: datetime) -> Rates:
        """Return the rates that hold at *moment*."""
        return self.step_at(moment).rates

    def price(self, moment: datetime) -> Price | None:
        """Return the flat view at *moment*; None where tokens do not tell the cost."""
        step = self.step_at(moment)
        rates = step.rates
        if not rates.by_tokens:
            return None
        return Price(
            input=_flat(rates.input) or "0",
            output=_flat(rates.output) or "0",
            source=self.source,
            cache_read=_flat(rates.cache_read),
            cache_write=_flat(rates.cache_write),
            matched=self.matched,
            valid_from=step.since.isoformat() if step.since else None,
            tiers=rates.tiered,
        )

    def as_data(self) -> dict[str, Any]:
        """Spell the price as JSON has it; `read_priced` reads it back."""
        said = {"source": self.source, "matched": self.matched, "version": self.version}
        return {name: word for name, word in said.items() if word} | {
            "steps": [step.as_data() for step in self.steps]
        }


def read_priced(data: Mapping[str, Any]) -> Priced:
    """Read what `Priced.as_data` has written."""
    steps = tuple(read_step(each) for each in data["steps"])
    return Priced(steps, data["source"], data.get("matched", ""), data.get("version", ""))


def read_steps(data: Mapping[str, Any] | list[Any]) -> tuple[Step, ...]:
    """Read a price of the book: one step, or a list of them."""
    return tuple(map(read_step, data)) if isinstance(data, list) else (read_step(data),)


def read_step(data: Mapping[str, Any]) -> Step:
    """Read rates and when they hold."""
    since, hours = data.get("from"), data.get("hours")
    return Step(
        read_rates(data),
        date.fromisoformat(since) if since else None,
        (time.fromisoformat(hours[0]), time.fromisoformat(hours[1])) if hours else None,
    )


def read_rates(data: Mapping[str, Any]) -> Rates:
    """Read rates; names that mean nothing here are left alone."""
    known = {name: _read(data[name]) for name in RATES if data.get(name) is not None}
    other = data.get("other")
    return Rates(**known, other=tuple((name, _read(each)) for name, each in other.items()) if other else ())


def _read(spelt: str | list[Any]) -> Decimal | Tiers:
    if isinstance(spelt, list):
        return Tiers(Decimal(spelt[0]), tuple((start, Decimal(rate)) for start, rate in spelt[1:]))
    return Decimal(spelt)


def _spelt(rate: Decimal | Tiers) -> str | list[Any]:
    if isinstance(rate, Tiers):
        return [plain(rate.base), *([start, plain(each)] for start, each in rate.above)]
    return plain(rate)


def _flat(rate: Rate) -> str | None:
    if rate is None:
        return None
    return plain(rate.base if isinstance(rate, Tiers) else rate)


def plain(amount: Decimal) -> str:
    """Spell a decimal without an exponent and without zeros that say nothing."""
    text = format(amount, "f")
    return text.rstrip("0").rstrip(".") or "0" if "." in text else text


def _clock(moment: time) -> str:
    return moment.isoformat("minutes") if moment == moment.replace(second=0, microsecond=0) else str(moment)
