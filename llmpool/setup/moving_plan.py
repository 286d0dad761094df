"""Plan what moves in from another pool: each thing with what becomes of it; nothing is written here.

What is configured, decided or priced here already stays as it is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import Any, NamedTuple

from llmpool.auth import secrets
from llmpool.auth.oauth_kinds import KINDS
from llmpool.config.presets import find_preset
from llmpool.config.problems import escaped, shown
from llmpool.config.schema import MODEL, TOP
from llmpool.config.tree import at
from llmpool.core.ids import split_ref
from llmpool.core.policy import Policy
from llmpool.core.provider import KeyRef
from llmpool.errors import Misuse, NoCredential
from llmpool.formats.base import usable_name
from llmpool.importers.moved import Account, Arrival, Moved
from llmpool.pool import Pool
from llmpool.pricing.validate import amount
from llmpool.setup import aliases, configfile, key_places, moving_fields, moving_keys
from llmpool.setup.moving_keys import Order
from llmpool.setup.provider_edit import problem
from llmpool.state import logins, policy, prices
from llmpool.state.logins import Login

ADDED, KEY, SET, MODEL_, POLICY, PRICE, LOGIN = (
    "provider",
    "key",
    "setting",
    "model",
    "policy",
    "price",
    "login",
)
PRESENT, LEFT = "present", "left"
_REFS = (("default_model",), ("recovery_model",))
_FALLBACKS = ("routing", "fallbacks")


class Step(NamedTuple):
    """What becomes of one thing: *action* is what it is made, or `present` or `left`, and *why* then."""

    action: str
    what: str
    why: str = ""


class Plan(NamedTuple):
    """All that will be done. *migrated* and *skipped* name the providers by what they were called there."""

    moved: Moved
    steps: tuple[Step, ...]
    providers: dict[str, dict[str, Any]]
    orders: tuple[Order, ...]
    settings: dict[tuple[str, ...], Any]
    models: dict[str, dict[str, Any]]
    policies: dict[str, Policy]
    prices: dict[str, dict[str, str]]
    accounts: tuple[Account, ...]
    migrated: tuple[str, ...]
    skipped: tuple[str, ...]
    text: str  # of the config that it goes by

    @property
    def changes(self) -> bool:
        """Whether there is anything to do."""
        return any(step.action not in (PRESENT, LEFT) for step in self.steps)


def plan(pool: Pool, moved: Moved) -> Plan:
    """Plan a move; raises ConfigInvalid where the config does not load as it is."""
    return _Planner(pool, moved).made()


class _Planner:
    """A plan while it is being made."""

    def __init__(self, pool: Pool, moved: Moved) -> None:
        self.pool, self.moved = pool, moved
        self.tables = {table.id: table for table in pool.config.providers}
        self.text = configfile.read(pool)
        self.tree = tomllib.loads(self.text)
        self.steps: list[Step] = []
        self.names: dict[str, str] = {}  # of there, and what they are here
        self.providers: dict[str, dict[str, Any]] = {}
        self.orders: list[Order] = []
        self.migrated: list[str] = []
        self.skipped: list[str] = []

    def made(self) -> Plan:
        """Return the plan."""
        for arrival in self.moved.providers:
            self._provider(arrival)
        accounts = tuple(self._accounts())
        settings, models = dict(self._settings()), dict(self._models())
        policies, own = dict(self._policies()), dict(self._prices())
        for left in self.moved.left:
            self._note(LEFT, left.what, left.why)
        return Plan(
            moved=self.moved,
            steps=tuple(self.steps),
            providers=self.providers,
            orders=tuple(self.orders),
            settings=settings,
            models=models,
            policies=policies,
            prices=own,
            accounts=accounts,
            migrated=tuple(sorted(self.migrated)),
            skipped=tuple(sorted(self.skipped)),
            text=self.text,
        )

    def _note(self, action: str, what: str, why: str = "") -> None:
        """Note a step; a secret that stands where a name should be is hidden."""
        self.steps.append(Step(action, escaped(what), escaped(why)))

    def _provider(self, arrival: Arrival) -> None:
        fitted = moving_fields.fit(arrival)
        was = arrival.was or arrival.id
        if fitted.id:
            self.names[was] = fitted.id
        if not fitted.id:
            self.skipped.append(was)
        elif fitted.id in self.tables:
            self._present(arrival, fitted)
        elif fitted.id in self.providers:
            self._note(LEFT, f"provider {was}", f"another that came before it is {fitted.id} here")
            self.skipped.append(was)
        else:
            self.providers[fitted.id] = fitted.fields
            said = ", ".join(f"{name} = {_said(value)}" for name, value in fitted.fields.items())
            self._note(ADDED, fitted.id, said)
            self._keys(fitted.id, arrival, set())
            self.migrated.append(was)
        for left in fitted.left:
            self._note(LEFT, left.what, left.why)

    def _present(self, arrival: Arrival, fitted: moving_fields.Fitted) -> None:
        """Add to a provider that is here the keys it lacks; its settings stay."""
        name, was = fitted.id, arrival.was or arrival.id
        table = self.tables[name]
        lacking = moving_keys.missing(self.pool, table, arrival.keys)
        if arrival.keyless and not moving_keys.is_keyless(self.pool, name):
            lacking = []
        elif lacking and not moving_keys.is_same_server(self.pool, name, fitted.url):
            self._note(LEFT, f"{len(lacking)} key(s) of {name}", "it is configured here with another address")
            lacking = []
        self._note(PRESENT, name, "configured already; its settings stay as they are")
        if lacking:
            self._keys(name, arrival.replace(keys=tuple(lacking)), {ref.label for ref in table.keys})
        (self.migrated if lacking else self.skipped).append(was)

    def _keys(self, name: str, arrival: Arrival, taken: set[str]) -> None:
        lies = partial(key_places.lying, self.pool, name, where="")
        for order in moving_keys.orders(name, arrival.keys, taken, lies=lies):
            self.orders.append(order)
            where = f"in the variable {order.env}" if order.env else order.mask
            self._note(KEY, f'{name} "{order.label}"', where if order.enabled else f"{where}, disabled")

    def _is_here(self, name: str) -> bool:
        return name in self.tables or name in self.providers

    def _ref(self, ref: str) -> str:
        """Return what a deployment is called here; empty where its provider is not."""
        provider, model = split_ref(ref)
        here = self.names.get(provider, provider)
        return f"{here}/{model}" if model and self._is_here(here) and usable_name(ref) else ""

    def _settings(self) -> Iterator[tuple[tuple[str, ...], Any]]:
        for path, value in self.moved.settings:
            name, wanted = ".".join(path), self._renamed(path, value)
            if wanted in ("", []):
                continue
            here, wrong = at(self.tree, path), problem(TOP[path[0]].kind, _nested(path[1:], wanted))
            if here == wanted:
                self._note(PRESENT, f"{name} = {_said(wanted)}")
            elif here is not None:
                self._note(LEFT, f"{name} = {_said(wanted)}", f"the config says {_said(here)}")
            elif wrong:
                self._note(LEFT, f"{name}", wrong.message)
            else:
                self._note(SET, f"{name} = {_said(wanted)}")
                yield path, wanted

    def _renamed(self, path: tuple[str, ...], value: Any) -> Any:
        """Return a setting with the names that its models have here; those that have none are noted."""
        if path not in (*_REFS, _FALLBACKS):
            return value
        refs = value if isinstance(value, list) else [value]
        for ref in refs:
            if not self._ref(ref):
                self._note(LEFT, f"{'.'.join(path)}: {ref}", "nothing here has it: its provider stays behind")
        known = [self._ref(ref) for ref in refs if self._ref(ref)]
        return known if isinstance(value, list) else "".join(known)

    def _models(self) -> Iterator[tuple[str, dict[str, Any]]]:
        known = {model["id"]: model for model in self.tree.get("models", [])}
        for there, pairs in self.moved.models:
            ref = self._ref(there)
            if not ref or problem(MODEL["id"].kind, ref):
                self._note(LEFT, f"model {there}", "its provider is not here")
                continue
            new = {name: value for name, value in pairs if name not in known.get(ref, {})}
            fields = {name: value for name, value in new.items() if self._fits(ref, name, value)}
            if fields or ref not in known:
                self._note(
                    MODEL_, ref, ", ".join(f"{name} = {_said(value)}" for name, value in fields.items())
                )
                yield ref, fields
            else:
                self._note(PRESENT, f"model {ref}")

    def _fits(self, ref: str, name: str, value: Any) -> bool:
        """Say whether a model may be declared so; an alias must not mean something already."""
        wrong = problem(MODEL[name].kind, value)
        why = wrong.message if wrong else ""
        if name == "aliases" and not wrong:
            try:
                for alias in value:
                    aliases.check(self.pool.table, ref, alias)
            except Misuse as error:
                why = error.message
        if why:
            self._note(LEFT, f"{ref}: {name}", why)
        return not why

    def _policies(self) -> Iterator[tuple[str, Policy]]:
        decided = policy.read(self.pool.paths.state)
        for there, each in self.moved.policies:
            here = self._ref(there) if "/" in there else self.names.get(there, there)
            words = ", ".join(filter(None, (each.state, _ROUTABLE[each.routable])))
            if not here or not self._is_here(split_ref(here)[0] or here):
                self._note(LEFT, f"policy of {there}", "its provider is not here")
            elif here in decided:
                self._note(PRESENT, f"policy of {here}", "decided on here already")
            else:
                self._note(POLICY, here, f"{words} ({each.reason})" if each.reason else words)
                yield here, each

    def _prices(self) -> Iterator[tuple[str, dict[str, str]]]:
        own = prices.read(self.pool.paths.state)
        for there, pairs in self.moved.prices:
            provider, model = split_ref(there)
            here = f"{self.names.get(provider, provider)}/{model}" if provider else there
            what = here or "what has no price of its own"
            said = ", ".join(f"{name} {value}" for name, value in pairs)
            if (here and not usable_name(here)) or not all(_is_amount(value) for _, value in pairs):
                self._note(LEFT, f"price of {there}", "no name of a model, or no price")
            elif (own.custom.get(here) if here else own.default) is not None:
                self._note(PRESENT, f"price of {what}", "set here already")
            else:
                self._note(PRICE, what, f"{said} USD per million tokens")
                yield here, dict(pairs)

    def _accounts(self) -> Iterator[Account]:
        known = logins.read(self.pool.paths.state)
        for account in self.moved.accounts:
            preset = find_preset(self.names.get(account.provider, account.provider))
            if preset is None or not preset.oauth:
                preset = find_preset(account.type)
            kind = preset.oauth if preset else ""
            if preset is None or kind not in KINDS:
                self._note(LEFT, f"login of {account.provider}", "no login of a kind that is known here")
                continue
            who = account.email or "(no e-mail address)"
            here = [old for old in known if old.provider == preset.id]
            if any(_is_same(self.pool, old, account) for old in here):
                self._note(PRESENT, f"login of {preset.id}", f"{who} is logged in here already")
                continue
            if not self._is_here(preset.id):
                self.providers[preset.id] = {}
                self._note(ADDED, preset.id)
            self._note(LOGIN, preset.id, who)
            yield account.replace(provider=preset.id, type=kind)


_ROUTABLE = {True: "routable", False: "not routable", None: ""}


def _nested(path: tuple[str, ...], value: Any) -> Any:
    return {path[0]: _nested(path[1:], value)} if path else value


def _said(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_said, value))
    if isinstance(value, dict):
        return ", ".join(f"{name} {_said(each)}" for name, each in value.items())
    return shown(value).strip('"')


def _is_same(pool: Pool, old: Login, account: Account) -> bool:
    """Tell whether a login is here: by its e-mail address, else by its token."""
    if old.email or account.email:
        return old.email == account.email
    ref = KeyRef(label=old.id, source=old.store)
    with suppress(NoCredential):
        return secrets.read_key(ref, old.provider, pool.env, pool.paths.secrets) == account.access
    return False


def _is_amount(text: str) -> bool:
    try:
        return bool(amount(text, ""))
    except ValueError:
        return False
