"""Bring providers and keys into the pool: the config keeps its comments, and nothing there is overwritten."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from typing import NamedTuple

from llmpool.config import edit
from llmpool.config.presets import find_preset
from llmpool.core.config import ProviderTable
from llmpool.core.ids import mask_shortly
from llmpool.errors import Busy, LlmpoolError
from llmpool.importers.found import Wanted
from llmpool.net.address import canonical
from llmpool.pool import Pool
from llmpool.setup import configfile, key_places, key_refs, keys, keystore

ADDED, KEY, LOGIN, PRESENT, SKIPPED, FAILED = "added", "key", "login", "present", "skipped", "failed"


class Keeping(NamedTuple):
    """Where keys are kept: `keyring`, `file`, or empty for whichever takes them; *plaintext* as in `keys`."""

    where: str = ""
    plaintext: bool = False


class Step(NamedTuple):
    """What became of one order: *action* is added, key, present, skipped or failed.

    A key is one more key of a provider that is there. *stored* is where it is now: keyring, file or env;
    *why* is what a person wants to know of it, *error* what failed.
    """

    provider: str
    label: str
    action: str
    why: str = ""
    mask: str = ""
    stored: str = ""
    error: LlmpoolError | None = None


def bring(
    pool: Pool, orders: Iterable[Wanted], *, dry_run: bool = False, keeping: Keeping | None = None
) -> list[Step]:
    """Carry out *orders* one by one, or only say what they would do; what fails is told and undone."""
    orders = list(orders)
    steps: list[Step] = []
    for order in orders:
        try:
            step = _preview(pool, order) if dry_run else _one(pool, order, keeping or Keeping())
            steps.append(_after(step, orders, steps) if dry_run else step)
        except LlmpoolError as error:
            why = f"{error.message.removeprefix(f'{order.provider}: ')}; {error.hint}"
            steps.append(Step(order.provider, order.label, FAILED, why, _mask(order), error=error))
    return steps


def _preview(pool: Pool, order: Wanted) -> Step:
    table = _table(pool, order.provider)
    if why := _in_the_way(order, table):
        return Step(order.provider, order.label, SKIPPED, why, _mask(order))
    if table and (order.key or order.key_env) and (there := _double(pool, order)):
        return Step(order.provider, there, PRESENT, "", _mask(order))
    action = KEY if table and (order.key or order.key_env) else PRESENT if table else ADDED
    return Step(order.provider, order.label, action, mask=_mask(order), stored="env" if order.key_env else "")


def _after(step: Step, orders: list[Wanted], before: list[Step]) -> Step:
    """Return the step of a preview as it would be once those before it had been taken."""
    order = orders[len(before)]
    same = [each for each, done in zip(orders, before, strict=False) if each.provider == order.provider]
    if step.action not in (ADDED, KEY) or not same:
        return step
    known = any((each.key, each.key_env) == (order.key, order.key_env) for each in same)
    return step._replace(action=PRESENT if known else KEY)


def _one(pool: Pool, order: Wanted, keeping: Keeping) -> Step:
    pool.forget()  # its owner was asked meanwhile, and others may have changed the config
    seen = _preview(pool, order)
    if seen.action in (SKIPPED, PRESENT):
        return seen
    if seen.action == ADDED:
        configfile.change(pool, lambda text: _with_table(text, order))
    try:
        return _with_key(pool, order, keeping, seen)
    except BaseException:
        if seen.action == ADDED:
            configfile.change(pool, lambda text: _taken_back(text, order.provider))
        raise


def _with_table(text: str, order: Wanted) -> str:
    """Add the table of a new provider; one that somebody else has added meanwhile is left alone."""
    if order.provider in tomllib.loads(text).get("providers", {}):
        raise Busy(f"{order.provider} was added by somebody else just now", hint="try again")
    return edit.with_provider(text, order.provider, dict(order.fields))


def _taken_back(text: str, provider: str) -> str:
    """Take out a provider that was added for a key which could not be kept, unless it has one meanwhile."""
    return text if key_refs.labels(text, provider) else edit.without_provider(text, provider)


def _with_key(pool: Pool, order: Wanted, keeping: Keeping, seen: Step) -> Step:
    """Keep the key of an order, or name its variable."""
    if not order.key and not order.key_env:
        return seen
    where, plaintext = keeping
    label = _free(pool, order, where or (keystore.FILE if plaintext else ""))
    if order.key_env:
        stored = keys.refer(pool, order.provider, {"env": order.key_env}, label=label)
    else:
        stored = keys.store(pool, order.provider, order.key, label=label, where=where, plaintext=plaintext)
    action = PRESENT if stored.existing and seen.action == KEY else seen.action
    off = "" if pool.provider(order.provider).enabled else f"llmpool providers enable {order.provider}"
    why = f"it is disabled: {off}" if off else "; ".join(stored.notes)
    return Step(order.provider, stored.label, action, why, seen.mask, stored.where)


def _in_the_way(order: Wanted, table: ProviderTable | None) -> str:
    """Say why an order is not carried out: another server has its id."""
    preset = find_preset(order.provider)
    url = str(dict(order.fields).get("url", ""))
    if not url and table and table.url and preset:  # what comes without an address is the vendor's
        url = preset.url
    if table is None or not url or canonical(table.url or "") == canonical(url):
        return ""
    return f"{order.provider} is configured with another address: {table.url or 'that of its preset'}"


def _double(pool: Pool, order: Wanted) -> str:
    """Return the label of the same key of the same provider; empty where it has none such."""
    provider = pool.provider(order.provider)
    if order.key_env:
        same = [ref.label for ref in provider.keys if ref.env == order.key_env]
        bare = [name for name in provider.key_env if name == order.key_env]  # its preset's own variable
        return next(iter((*same, *bare)), "")
    there = keys.existing(pool, order.provider, order.key)
    return there.label if there else ""


def _free(pool: Pool, order: Wanted, where: str) -> str:
    """Return the label of an order, or with a number where another key has it, here or in another config."""
    taken = {ref.label for ref in pool.provider(order.provider).keys}
    names = [order.label, *(f"{order.label} {number}" for number in range(2, 100))]
    free = (name for name in names if name not in taken and not _is_of_others(pool, order, name, where))
    return next(free, "") if order.label else ""


def _is_of_others(pool: Pool, order: Wanted, label: str, where: str) -> bool:
    lying = key_places.lying(pool, order.provider, label, where) if order.key else []
    return any(key != order.key for key in lying)


def _table(pool: Pool, name: str) -> ProviderTable | None:
    return next((table for table in pool.config.providers if table.id == name), None)


def _mask(order: Wanted) -> str:
    return mask_shortly(order.key) if order.key else ""
