"""Move in from another pool: read it, write everything as one change, and know how to take it back."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.auth import box as boxes
from llmpool.auth.box import Box
from llmpool.auth.private import read_private
from llmpool.config import edit
from llmpool.config.written import line_end
from llmpool.core.ids import key_digest
from llmpool.core.times import rfc3339
from llmpool.errors import Busy, Misuse, NoCredential
from llmpool.importers import gopherclaw, thane, zimaos
from llmpool.importers.moved import Moved
from llmpool.pool import Pool
from llmpool.setup import (
    configfile,
    dedupe,
    key_refs,
    keys,
    keystore,
    moving_back,
    moving_logins,
    moving_plan,
)
from llmpool.setup.moving_back import Record
from llmpool.setup.moving_keys import Order
from llmpool.setup.moving_logins import Manner
from llmpool.setup.moving_plan import Plan
from llmpool.state import keys as known_keys
from llmpool.state import policy, prices

SOURCES = (zimaos.SOURCE, gopherclaw.SOURCE, thane.SOURCE)
_MOST_OF_A_KEY = 4096
_HINTS = {"zimaos": "/var/lib/zima", "gopherclaw": "~/.gopherclaw", "thane": "~/Thane"}


class Done(NamedTuple):
    """What was done: where it can be taken back from, and what could not be done with the reason.

    *doubles* counts the servers that are configured under several ids now.
    """

    backup: str
    failed: tuple[str, ...] = ()
    doubles: int = 0


def plan(pool: Pool, source: str, place: str, key_file: str = "") -> Plan:
    """Read another pool and plan the move; raises Misuse where nothing of it is at *place*."""
    made = moving_plan.plan(pool, _read(pool, source, place, key_file))
    configfile.check(pool, _edited(configfile.read(pool), made, dict.fromkeys(_labels(made), "file")))
    return made


def _read(pool: Pool, source: str, place: str, key_file: str) -> Moved:
    if not place:
        place = gopherclaw.PLACE if source == gopherclaw.SOURCE else ""
    if not place:
        hint = f"llmpool providers import {source} {_HINTS[source]}"
        raise Misuse(f"say where {source} keeps its files", hint=hint)
    if key_file and source != zimaos.SOURCE:
        raise Misuse("--state-key goes with zimaos alone; the others encrypt nothing")
    path = Path(place).expanduser()
    if source == zimaos.SOURCE:
        return zimaos.read(path, _opener(pool, key_file))
    return gopherclaw.read(path) if source == gopherclaw.SOURCE else thane.read(path, pool.env)


def _opener(pool: Pool, key_file: str) -> Callable[[str], str | None]:
    """Return what opens an encrypted secret with the key that is given, else with this machine's own."""
    found: list[Box] = []
    if key_file:
        found = _boxes(Path(key_file).expanduser())
    tried = False

    def opened(text: str) -> str | None:
        nonlocal tried
        if not tried and not key_file:
            tried = True
            own = keystore.state_box(pool)
            found.extend([own] if own else [])
        for box in found:
            try:
                return box.open(text)
            except NoCredential:
                continue
        return None

    return opened


def _boxes(path: Path) -> list[Box]:
    """Read a file with the old system's key: as a file of a key is read, and as the key itself."""
    try:
        content = read_private(path, most=_MOST_OF_A_KEY)
    except FileNotFoundError:
        raise Misuse(f"{path} does not exist", hint="--state-key names the file with that key") from None
    return [Box(boxes.key_of(content)), Box(content.strip(b"\r\n"))]


def carry_out(pool: Pool, made: Plan, manner: Manner) -> Done:
    """Do what is planned: the config as one change, then keys, prices, policies and logins.

    The config comes first, so that of two who move in at once the second is refused before it keeps a key.
    When it fails half-way everything is taken back. Raises Misuse where keys would lie in the clear and
    nobody said that they may.
    """
    record = moving_back.begin(pool, made.moved.source)
    planned = manner.where or (keystore.FILE if manner.plaintext else keystore.KEYRING)
    try:
        _configure(pool, made, record, planned)
        places = _keep_keys(pool, made, manner, record)
        _correct(pool, made, record, {name: place for name, place in places.items() if place != planned})
        _learn(pool, made)
        _decide(pool, made, record)
        where = next((place for place in places.values()), manner.where)
        failed = moving_logins.take_up(pool, made, manner._replace(where=where), record)
        if made.moved.legacy and made.migrated:
            failed += filter(None, [record.rename(Path(made.moved.legacy))])
        moving_back.finish(pool, record)
    except BaseException:
        moving_back.take_back(pool, record)
        moving_back.forget(pool, record)
        raise
    return Done(record.name, tuple(failed), len(dedupe.plan(pool).merges))


def _configure(pool: Pool, made: Plan, record: Record, planned: str) -> None:
    """Write the config as one change; where it is another than when this was planned nothing is written.

    A provider may have got another address meanwhile, and its keys would go there.
    """

    def write(now: str) -> str:
        if not now == record.before == made.text:
            raise Busy("the config has changed meanwhile; nothing was written", hint="try again")
        record.after = _edited(now, made, dict.fromkeys(_labels(made), planned))
        return record.after

    configfile.change(pool, write)


def _correct(pool: Pool, made: Plan, record: Record, places: dict[tuple[str, str], str]) -> None:
    """Refer to the keys that are elsewhere than planned, since the keyring does not take them."""

    def write(now: str) -> str:
        if now == record.after and len(places) == len(_labels(made)):
            record.after = _edited(record.before, made, places)
            return record.after
        for (provider, label), place in places.items():
            now = key_refs.changed(now, provider, label, keys.HERE[place])
        record.after = now
        return now

    if places:
        configfile.change(pool, write)


def _labels(made: Plan) -> list[tuple[str, str]]:
    return [(order.provider, order.label) for order in made.orders if not order.env]


def _keep_keys(pool: Pool, made: Plan, manner: Manner, record: Record) -> dict[tuple[str, str], str]:
    """Keep the keys, and return where each of them is."""
    places: dict[tuple[str, str], str] = {}
    where = keystore.FILE if manner.plaintext and not manner.where else manner.where
    for order in made.orders:
        if order.env:
            continue
        name = order.provider, order.label
        record.keys.append(
            (*name, where or keystore.KEYRING)
        )  # first: an interrupt may come behind the write
        places[name], _ = keystore.keep(pool, *name, order.key, where=where, plaintext=manner.plaintext)
        record.keys[-1] = (*name, places[name])
        record.digests["/".join(name)] = key_digest(order.key)
        where = places[name]  # what the keyring has refused once is not asked again
    return places


def _edited(text: str, made: Plan, places: dict[tuple[str, str], str]) -> str:
    """Write everything into the config; who was faster with the same is not overwritten."""
    before = tomllib.loads(text)
    taken = made.providers.keys() & before.get("providers", {}).keys()
    if taken:
        raise Misuse(
            f"{min(taken)} was configured just now; nothing was changed", hint="look again: --dry-run"
        )
    for order in made.orders:
        if order.provider in made.providers:
            continue
        if order.label in key_refs.labels(text, order.provider):
            raise Misuse(f'{order.provider} was given a key "{order.label}" just now; nothing was changed')
        text = key_refs.added(text, order.provider, order.label, _reference(order, places))
    for path, value in made.settings.items():
        text = edit.with_value(text, path, value)
    known = {model["id"] for model in before.get("models", [])}
    for ref in made.models.keys() & known:
        text = edit.with_model(text, ref, made.models[ref])
    return _with_new(text, made, places, known)


def _with_new(text: str, made: Plan, places: dict[tuple[str, str], str], known: set[str]) -> str:
    """Append new providers and models, each written by itself: in one text they would take ever longer.

    Where the config has its providers in one line nothing can be appended, and they are put in one by one.
    """
    new = {name: fields | _key_fields(name, made, places) for name, fields in made.providers.items()}
    models = {ref: fields for ref, fields in made.models.items() if ref not in known}
    parts = [edit.with_provider("", name, fields) for name, fields in new.items()]
    parts += [edit.with_model("", ref, fields) for ref, fields in models.items()]
    end = line_end(text)
    whole = [text.rstrip() + end] if text.strip() else []
    joined = end.join([*whole, *(part.lstrip("\n").replace("\n", end) for part in parts)])
    if not new and not models:
        return text
    try:
        tomllib.loads(joined)
    except tomllib.TOMLDecodeError:
        for name, fields in new.items():
            text = edit.with_provider(text, name, fields)
        for ref, fields in models.items():
            text = edit.with_model(text, ref, fields)
        return text
    return joined


def _key_fields(name: str, made: Plan, places: dict[tuple[str, str], str]) -> dict[str, Any]:
    """Return the references to the keys of a new provider: alone, or in a list."""
    mine = [order for order in made.orders if order.provider == name]
    written = [{"label": order.label, **_reference(order, places)} for order in mine]
    if len(mine) == 1:
        single = written[0]
        return {"key": {k: v for k, v in single.items() if (k, v) != ("label", key_refs.SINGLE)}}
    return {"keys": written} if written else {}


def _reference(order: Order, places: dict[tuple[str, str], str]) -> dict[str, Any]:
    return order.reference(places.get((order.provider, order.label), ""))


def _learn(pool: Pool, made: Plan) -> None:
    """Remember the digests, so that the same key is noticed when it is given again."""
    for order in made.orders:
        if order.key:
            known = known_keys.Known(key_digest(order.key), order.mask, pool.clock())
            known_keys.learn(pool.paths.state, order.provider, order.label, known)


def _decide(pool: Pool, made: Plan, record: Record) -> None:
    """Lay policies and prices over; what was decided here meanwhile stays."""
    state, moment = pool.paths.state, rfc3339(pool.clock())
    if made.policies:
        policies = {name: each.replace(updated_at=moment) for name, each in made.policies.items()}
        record.policies = dict.fromkeys(policies.keys() - policy.read(state).keys(), moment)
        policy.update(state, lambda known: policies | known)
    if made.prices:
        own = {name: {**rates, "set_at": moment} for name, rates in made.prices.items()}
        before = prices.read(state)
        there = {*before.custom, *([""] if before.default else [])}
        record.prices = {name: rates for name, rates in own.items() if name not in there}
        custom = {name: rates for name, rates in own.items() if name}
        prices.update(
            state,
            lambda known: known._replace(
                custom={**custom, **known.custom}, default=known.default or own.get("")
            ),
        )
    pool.forget()
