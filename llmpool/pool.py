"""The composition root: paths, clock and environment in, everything a command works on out.

Opening reads nothing; each part is read when it is asked for, once. Hot commands touch the compiled registry
alone, and compile it anew only when a stamp of its sources differs (DESIGN 3.5).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from llmpool.config.paths import Paths, find_paths
from llmpool.core.times import rfc3339
from llmpool.errors import Busy, LlmpoolError, StateUnusable, UnknownName
from llmpool.registry import readback
from llmpool.state import compiled

if TYPE_CHECKING:
    from llmpool.core.config import Config
    from llmpool.core.deployment import Deployment
    from llmpool.core.inventory import Inventory
    from llmpool.core.policy import Policy
    from llmpool.core.provider import Provider
    from llmpool.core.registry import Catalog, Registry
    from llmpool.core.routing import Facts, RoutingRow, RoutingTable
    from llmpool.pricing.book import Priced
    from llmpool.pricing.deployments import Pricer
    from llmpool.registry.capabilities import Told
    from llmpool.registry.official import Official
    from llmpool.state.formats import Memories
    from llmpool.state.health import Health
    from llmpool.state.owed import Owed
    from llmpool.state.price_book import Stored

_SOURCES = ("config", "catalog", "official", "policies", "price_book", "prices", "inventory", "registry")
_READ = (*_SOURCES, "accounts", "routing", "listing", "table", "cost_lines", "priced", "health", "memories")


class Pool:
    """One run's view of everything on disk; *clock* gives seconds since the epoch."""

    def __init__(
        self, paths: Paths, env: Mapping[str, str], clock: Callable[[], float], *, offline: bool = False
    ) -> None:
        self.paths = paths
        self.env = env
        self.clock = clock
        self.offline = offline
        self.warnings: list[str] = []
        self.keys_read: Callable[[tuple[str, str], Callable[[], str]], str] | None = None  # of a long run
        self.lessons: Any = None  # of a long run: the `chat.lessons.Lessons` that keep what answers teach
        self.owed: Owed | None = None  # what could not be written yet, and has to be
        self.tell: Callable[[str], object] = lambda _: None  # hears what a person has to wait for
        self._learnt: list[Callable[[Memories], None]] = []

    @cached_property
    def routing(self) -> dict[str, Any]:
        """The compiled routing document, fresh."""
        stamp = compiled.stamps(self.paths.config, self.paths.state)
        found = compiled.read(self.paths.state, compiled.ROUTING, stamp, self.clock())
        return found or self._compile()[compiled.ROUTING]

    @cached_property
    def listing(self) -> dict[str, Any]:
        """The compiled listing document, fresh."""
        stamp = compiled.stamps(self.paths.config, self.paths.state)
        found = compiled.read(self.paths.state, compiled.LISTING, stamp, self.clock())
        return found or self._compile()[compiled.LISTING]

    def listing_text(self) -> str:
        """Return the entries of the listing document as JSON text, fresh; for printing them as they are."""
        stamp = compiled.stamps(self.paths.config, self.paths.state)
        text = compiled.read_listing(self.paths.state, stamp, self.clock())
        if text is None:
            import json

            text = ",\n".join(json.dumps(entry) for entry in self.listing["models"])
        return text

    @cached_property
    def cost_lines(self) -> str | None:
        """The compiled lines of what costs are worked out from, fresh; None where they cannot be kept."""
        stamp = compiled.stamps(self.paths.config, self.paths.state)
        if (lines := compiled.read_costs(self.paths.state, stamp)) is None:
            self._compile()
            lines = compiled.read_costs(self.paths.state, stamp)
        return lines

    @cached_property
    def priced(self) -> dict[str, Priced | None]:
        """The prices that this run has found already, by deployment; `costs.price_of` fills it."""
        return {}

    @cached_property
    def table(self) -> RoutingTable:
        """The router's table."""
        return readback.table(self.routing)

    @cached_property
    def accounts(self) -> dict[str, list[str]]:
        """The ids of OAuth accounts by provider, in the order to try them; read only where one may serve."""
        if not any(entry["oauth"] and not entry["keys"] for entry in self.routing["providers"]):
            return {}
        from llmpool.state import logins

        found: dict[str, list[str]] = {}
        for login in logins.read(self.paths.state):
            found.setdefault(login.provider, []).append(login.id)
        return found

    @cached_property
    def health(self) -> Health:
        """Cooldowns, contacts and experience as this run found them."""
        from llmpool.state import health

        return health.read(self.paths.state)

    @cached_property
    def memories(self) -> Memories:
        """What was learnt of how providers want to be asked."""
        from llmpool.state import formats

        return formats.read(self.paths.state)

    def learn(self, change: Callable[[Memories], None]) -> None:
        """Apply a lesson to this run's memories at once; `keep_lessons` writes all of them together."""
        change(self.memories)
        self._learnt.append(change)

    def keep_lessons(self) -> None:
        """Write down what this run learnt; a directory that refuses is only a warning."""
        lessons, self._learnt = self._learnt, []
        if not lessons:
            return
        from llmpool.state import formats

        def apply(memories: Memories) -> None:
            for lesson in lessons:
                lesson(memories)

        try:
            formats.update(self.paths.state, apply)
        except (StateUnusable, Busy) as error:
            self.warnings.append(f"what was learnt of the providers is not kept: {error.message}")

    @cached_property
    def config(self) -> Config:
        """The owner's config, parsed and validated; raises ConfigInvalid."""
        from llmpool.config.load import load

        return load(self.paths.config)

    @cached_property
    def catalog(self) -> Catalog:
        """Config and presets, normalised."""
        from llmpool.config.presets import presets
        from llmpool.registry.catalog import build_catalog
        from llmpool.registry.trial import has_trial
        from llmpool.registry.vendors import amended

        granted = None
        if has_trial(self.config):
            from llmpool.state import trial

            granted = trial.terms(self.paths.state)
        return build_catalog(self.config, amended(presets(), self.official), granted)

    @cached_property
    def official(self) -> Official:
        """The catalog of vendors' models: the one built in, and the downloaded one over it."""
        from llmpool.data import builtin
        from llmpool.registry.official import laid_over
        from llmpool.state import catalog

        return laid_over(builtin.catalog(), catalog.read(self.paths.state).content)

    @cached_property
    def price_book(self) -> Stored:
        """The price book that was downloaded, empty where the one that is built in is newer."""
        from llmpool.data import prices as built_in
        from llmpool.state import price_book

        fetched = price_book.read(self.paths.state)
        return fetched if fetched.last_updated_at >= built_in.document()["date"] else price_book.Stored()

    @cached_property
    def prices(self) -> Pricer:
        """The owner's prices and the newer price book, to look up in; hot commands use `costs.price_of`."""
        from datetime import UTC, datetime

        from llmpool.config.presets import plans
        from llmpool.core.trial import TRIAL
        from llmpool.data import prices as built_in
        from llmpool.pricing.deployments import Pricer
        from llmpool.pricing.lookup import PLAN
        from llmpool.pricing.match import Book
        from llmpool.state import prices

        book = Book(self.price_book.content or built_in.document())
        moment = datetime.fromtimestamp(self.clock(), UTC)
        own, paid = prices.read(self.paths.state), dict.fromkeys(plans(), PLAN) | {TRIAL: TRIAL}
        return Pricer(book, own, self.catalog.providers, built_in.vendor_of, moment, paid=paid)

    @cached_property
    def policies(self) -> dict[str, Policy]:
        """What the owner decided about providers and deployments, by id."""
        from llmpool.state import policy

        return policy.read(self.paths.state)

    @cached_property
    def inventory(self) -> Inventory:
        """What the providers said last, as this run read it."""
        from llmpool.state import inventory

        return inventory.read(self.paths.state)

    @cached_property
    def registry(self) -> Registry:
        """The whole registry, built anew; hot commands use `table` and `listing` instead."""
        from llmpool.data import metadata
        from llmpool.registry import merge

        policies, seen = self.policies, self.inventory
        return merge.overlay(
            self.catalog, seen, policies, self.prices, facts=metadata.facts, official=self.official
        )

    def told(self, deployment: Deployment) -> Told:
        """Return what each source tells of a deployment, to show where its values come from."""
        from llmpool.data import metadata
        from llmpool.registry.merge import told

        provider = next(p for p in self.catalog.providers if p.id == deployment.provider)
        seen = self.inventory.providers.get(provider.id)
        return told(deployment, provider, seen, metadata.facts, self.official)

    def provider(self, name: str) -> Provider:
        """Look up a provider; raises UnknownName with the nearest names."""
        for entry in self.routing["providers"]:
            if entry["id"] == name:
                return readback.provider(entry)
        raise unknown_provider(name, [entry["id"] for entry in self.routing["providers"]])

    def facts(self) -> Facts:
        """Read the mutable world for one decision, as of now."""
        from llmpool import world

        known = (self.routing, self.table, self.health, self.accounts)
        return world.facts(world.World(self.paths.state, self.env, *known, self.clock(), self.offline))

    def affinity(self, refs: Iterable[str]) -> dict[str, int]:
        """Score how well providers speak the tongue of their deployments (pool-routing-formats 5.2)."""
        now, known = self.clock(), {}
        for ref in refs:
            name, _, model = ref.partition("/")
            known[ref] = self.memories.affinity(self.provider(name), model, now)
        return known

    def take_turns(self, turns: tuple[str, ...]) -> None:
        """Take the next of each turn for this run: what is decided after this goes by them, nobody else does.

        Where they cannot be taken it is only a warning; two runs may go by the same one then.
        """
        from llmpool.state import health

        try:
            self.health.cursors.update(health.take_turns(self.paths.state, turns))
        except (StateUnusable, Busy) as error:
            self.warnings.append(f"turns are not kept: {error.message}")

    def owe(self, kind: str, write: Callable[[], object]) -> None:
        """Write what may not be lost; where that fails, it is told as *kind* if it fails to the end."""
        if self.owed and kind in self.owed:
            self.owed.take(kind, write)
            return
        try:
            write()
        except LlmpoolError as error:
            from llmpool.state.owed import Owed

            self.owed = Owed() if self.owed is None else self.owed
            self.owed.take(kind, write, error)
        except (KeyboardInterrupt, SystemExit):
            self.warn_once(f"{kind}: interrupted")
            raise

    def warn_once(self, text: str) -> None:
        """Warn of something once, however often it happens."""
        if text not in self.warnings:
            self.warnings.append(text)

    def take(self, row: RoutingRow) -> None:
        """Take a deployment that nobody listed into this run's table."""
        self.__dict__["table"] = self.table.replace(rows=[*self.table.rows, row])

    def forget(self, names: tuple[str, ...] = _READ) -> None:
        """Drop what was read, after something on disk was changed by this run."""
        for name in names:
            self.__dict__.pop(name, None)

    def _compile(self) -> dict[str, dict[str, Any]]:
        """Compile the registry from its sources and keep it; a directory that refuses is only a warning."""
        from llmpool.registry import compiled as compiling
        from llmpool.registry import probes

        stamp = compiled.stamps(self.paths.config, self.paths.state)
        self.forget(_SOURCES)  # nothing may be older than the stamp it is kept under
        registry, seen, ruled = self.registry, self.inventory, self.policies
        prices, dear = self.prices.lines(registry.deployments), self.prices.dear(registry.deployments)
        oldest = rfc3339(self.clock() - probes.HOLDS)
        until = probes.until(probes.verdicts(registry, seen), oldest, self.prices.until())

        def build(_: int) -> dict[str, dict[str, Any]]:
            return {
                compiled.ROUTING: compiling.routing_document(registry, seen, ruled, dear) | {"until": until},
                compiled.LISTING: compiling.listing_document(registry, seen, oldest),
                compiled.COSTS: {"models": prices},
            }

        ids = sorted([*registry.aliases, *(d.id for d in registry.deployments)])
        try:
            return compiled.write(self.paths.state, stamp, build, ids, self.clock())
        except StateUnusable as error:
            self.warn_once(f"the compiled registry cannot be kept: {error.message}")
            return compiled.numbered(self.paths.state, build(0))


def open_pool(
    paths: Paths | None = None,
    *,
    env: Mapping[str, str] = os.environ,
    clock: Callable[[], float] = time.time,
    offline: bool = False,
) -> Pool:
    """Open the pool that *paths* (found in the environment when None) describe; nothing is read yet."""
    return Pool(paths or find_paths(env), env, clock, offline=offline)


def unknown_provider(name: str, known: list[str]) -> UnknownName:
    """Build the error for a provider nobody configured."""
    from llmpool.core.near import meant, near

    alike = near(name, known)
    hint = meant(alike, f"configured: {', '.join(known) or 'none'}")
    return UnknownName(f'no provider "{name}" is configured', hint=hint, details={"candidates": alike})
