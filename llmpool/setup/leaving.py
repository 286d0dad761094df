"""What hangs on a provider: said before it is disabled or removed, and taken out with it where it must be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

from llmpool.config import edit
from llmpool.core.config import Config
from llmpool.core.ids import split_ref
from llmpool.pool import Pool
from llmpool.setup import configfile
from llmpool.state import formats, health, inventory, rates
from llmpool.state.lock import unusable

Edit = Callable[[str], str]


class Tie(NamedTuple):
    """A line of the config that names a provider: what it says, and how it is taken out (None: it stays)."""

    words: str
    cut: Edit | None = None


def ties(pool: Pool, name: str) -> list[Tie]:
    """List what in the config names the provider *name*, or a model of it by id or alias."""
    return list(_ties(pool.config, name))


def models_of(pool: Pool, name: str) -> int:
    """Count the deployments of a provider."""
    return sum(split_ref(row.id)[0] == name for row in pool.table.rows)


def remove(pool: Pool, name: str) -> None:
    """Take a provider out of the config with every line that cannot be without it, and forget what was seen.

    Usage records, decisions, sessions and policies stay.
    """

    def without(text: str) -> str:
        ties = list(_ties(configfile.parsed(pool, text), name))  # as they are now: lists are written anew
        for tie in ties:
            text = tie.cut(text) if tie.cut else text
        return edit.without_provider(text, name)

    _forget_all(pool, name)  # first: a run that is stopped in between is done again
    configfile.change(pool, without)


def _forget_all(pool: Pool, name: str) -> None:
    """Forget all that was seen of a provider."""
    forget(pool, [name])
    inventory.update(pool.paths.state, (), gone=[name])
    sent = rates.path_of(pool.paths.state, name)
    try:
        sent.unlink(missing_ok=True)
    except OSError as error:
        raise unusable(sent, error, "delete") from error


def forget(pool: Pool, names: list[str]) -> None:
    """Forget the errors and all cooldowns of providers, and what was learnt of how they want to be asked.

    The windows that their servers named when a prompt was too long are forgotten as well, and what their
    vendors said of rate limits; what was sent counts on. Raises what cannot be forgotten: done again, it is
    done whole.
    """

    def change(state: health.Health) -> None:
        for name in names:
            state.forget(name)

    def unlearn(known: formats.Memories) -> None:
        for name in names:
            formats.forget(known, name)

    health.update(pool.paths.state, change)
    formats.update(pool.paths.state, unlearn)
    for name in names:
        rates.forget(pool.paths.state, name, pool.clock)
    inventory.forget_windows(pool.paths.state, names)
    pool.forget()


def _ties(config: Config, name: str) -> Iterator[Tie]:
    own = [model for model in config.models if split_ref(model.id)[0] == name]
    for model in own:
        aliases = f" (alias {', '.join(model.aliases)})" if model.aliases else ""
        yield Tie(f"[[models]] {model.id}{aliases}", partial(edit.without_model, ref=model.id))
    carried = {alias for model in own for alias in model.aliases}

    def means(ref: str) -> bool:
        return split_ref(ref)[0] == name or ref in carried

    for key in ("default_model", "recovery_model"):
        ref = getattr(config, key)
        if ref and means(ref):
            yield Tie(f'{key} = "{ref}"', partial(edit.without, path=(key,)))
    kept = [ref for ref in config.routing.fallbacks if not means(ref)]
    if len(kept) < len(config.routing.fallbacks):
        gone = [ref for ref in config.routing.fallbacks if means(ref)]
        path = ("routing", "fallbacks")
        yield Tie(f"[routing] fallbacks: {', '.join(gone)}", partial(edit.with_value, path=path, value=kept))
    for group in config.groups:
        if name in (group.providers or ()):
            left = [each for each in group.providers or () if each != name]
            empty = "" if left else ", which has nobody then"
            cut = partial(edit.with_value, path=("groups", group.name, "providers"), value=left)
            yield Tie(f"{name} in [groups.{group.name}]{empty}", cut)
    yield from _loose_ties(config, means, name)


def _loose_ties(config: Config, means: Callable[[str], bool], name: str) -> Iterator[Tie]:
    """List what names a provider and does no harm without it."""
    for profile in config.profiles:
        said = [profile.model or "", profile.prefer or "", *profile.exclude]
        if any(ref == name or means(ref) for ref in said if ref):
            yield Tie(f"[profiles.{profile.name}]")
    for budget in config.budgets:
        if budget.scope.partition(":")[0] == name or means(budget.scope):  # a key's scope is `name:label`
            yield Tie(f"[budgets.{budget.name}] scope")
