"""What a refresh tells: changes on stdout, provider by provider, and all else on stderr."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from llmpool.cli.output import plural, words
from llmpool.core.text import few
from llmpool.errors import Misuse

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.cli.waiting import Waiting
    from llmpool.discovery.prices import PriceNews
    from llmpool.discovery.refresh import RefreshReport
    from llmpool.registry.diff import Change, Moved
    from llmpool.setup.upkeep import Round

NAMED = 5  # so many names a line, the rest is counted
_WIDEST = 20  # cells of the column of names


def tell(terminal: Terminal, waiting: Waiting, done: Round) -> None:
    """Write the report of what was observed."""
    waiting.clear()
    report = done.report
    names = [entry.provider for entry in report.observed] + [name for name, _ in report.skipped]
    widest = min(max(map(len, names), default=0), _WIDEST) if terminal.err_is_terminal else 0
    news = {change.provider for change in report.changes if change.failed}
    for entry in report.observed:
        if not (terminal.is_terminal and entry.provider in news):  # there the change says it
            terminal.say(_line(entry, widest))
    for name, why in report.skipped:
        terminal.say(f"{name:{widest}}   skipped, {why}")
    for change in (*(done.prices.changes if done.prices else ()), *report.changes):
        for line in lines(change):
            terminal.out(line, hang=2)
    for line in dead_lines(report):
        terminal.out(line, hang=2)
    for line in _beside(done):
        terminal.say(line)
    terminal.say(summary(report))


def tell_reconciled(terminal: Terminal, done: Round) -> None:
    """Write what was pulled and removed, and what is kept that may be thought to go."""
    for line in _reconciled(done):
        terminal.out(line, hang=2)
    for line in _unpruned(done):
        terminal.say(line)


def lines(change: Change) -> Iterator[str]:
    """Write what changed at one provider, a line for each kind of change."""
    if change.failed:
        yield f"{change.provider}: {_error(change.provider, change.failed)}"
    if change.recovered:
        yield f"{change.provider}: answers again"
    for word in ("added", "gone"):
        yield from _named(change.provider, word, getattr(change, word))
    for word in ("changed", "repriced"):
        yield from _named(change.provider, word, tuple(_moved(getattr(change, word))))
    for word in ("loaded", "unloaded"):
        yield from _named(change.provider, word, getattr(change, word))


def dead_lines(report: RefreshReport) -> Iterator[str]:
    """Write the names of the config that lead nowhere since this refresh, each with what is nearest."""
    if not report.dead:
        return
    from llmpool.registry.dead import in_words

    yield from map(in_words, report.dead[:NAMED])
    if len(report.dead) > NAMED:
        yield f"{plural(len(report.dead) - NAMED, 'more name')} of the config lead nowhere now"


def summary(report: RefreshReport) -> str:
    """Say how it went in one line."""
    if not report.observed:
        why = (
            f"{plural(len(report.fresh), 'provider')} asked lately enough"
            if report.fresh
            else "nobody to ask"
        )
        return f"nothing to do: {why}"
    told = [f"{number} {word}" for word, number in counts(report).items() if number or word == "ok"]
    return f"{', '.join(told)}; {plural(report.models, 'model')}; {report.seconds:.1f} s"


def counts(report: RefreshReport) -> dict[str, int]:
    """Count the providers by what came of them; *away* are optional ones, which is no failure."""
    broken = [entry for entry in report.observed if entry.error]
    keyless = sum(entry.error_kind == "no_key" for entry in broken)
    return {
        "ok": len(report.observed) - len(broken),
        "failed": len(report.failed),
        "away": len(broken) - keyless - len(report.failed),
        "without a key": keyless,
        "asked lately enough": len(report.fresh),
        "skipped": len(report.skipped),
    }


def _line(entry: Any, widest: int) -> str:
    facts = _error(entry.provider, entry.error) or plural(len(entry.models), "model")
    kept = f"; {plural(len(entry.models), 'model')} kept from before" if entry.error and entry.models else ""
    odd = f", {plural(entry.skipped, 'unusable line')} skipped" if entry.skipped else ""
    return f"{entry.provider:{widest}}   {facts}{kept}{odd}   ({entry.latency_ms} ms)"


def _error(provider: str, error: str) -> str:
    """Leave the provider's own name out of an error that is told behind it."""
    return error.removeprefix(f"{provider}: ")


def _named(provider: str, word: str, names: tuple[str, ...]) -> Iterator[str]:
    if names:
        yield f"{provider}: {word} {few(names, NAMED)}"


def _moved(moves: tuple[Moved, ...]) -> Iterator[str]:
    """Write values that are others now: model (field was -> now)."""
    for move in moves:
        yield f"{move.model} ({move.field.replace('_', ' ')} {_value(move.was)} -> {_value(move.now)})"


def _value(value: object) -> str:
    return "unknown" if value is None else words(value)


def _beside(done: Round) -> Iterator[str]:
    """Say what came of the catalog, the prices and the accounts."""
    if done.catalog:
        news = done.catalog
        wrong = f": {news.error}" if news.error else f", {plural(news.models, 'model')}"
        yield f"catalog   {news.status}{wrong}"
    if done.prices:
        yield f"prices   {price_words(done.prices)}"
    for line in done.accounts.lines if done.accounts else ():
        told = line.account
        if told is None:
            continue
        amounts = {item.key: f"{item.value} {item.currency}".rstrip() for item in told.items}
        fact = told.message if told.error else f"{told.kind} {amounts.get(told.primary, 'no limit')}"
        yield f"{line.provider}   {f'key {line.key}: ' if line.key else ''}{fact}"


def tell_prices(terminal: Terminal, news: PriceNews) -> None:
    """Write what came of `usage prices update`: what costs something else on stdout, the rest beside it."""
    for change in news.changes:
        for line in lines(change):
            terminal.out(line, hang=2)
    terminal.say(price_words(news))


def price_words(news: PriceNews) -> str:
    """Say what came of looking for newer prices; the figures themselves are changes, on stdout."""
    if news.error:
        return f"failed: {news.error}; {news.version} stays in force"
    return f"{news.status}: {news.version}, {plural(news.models, 'model')}"


def _reconciled(done: Round) -> Iterator[str]:
    """Say what was pulled and removed, and what could not be."""
    if done.reconciled is None:
        return
    yield from (f"pulled {ref}" for ref in done.reconciled.pulled)
    yield from (f"removed {ref}" for ref in done.reconciled.removed)
    yield from (f"{ref}: failed: {error}" for ref, error in done.reconciled.failed)
    yield from (f"{ref}: left to the process that pulls there" for ref in done.reconciled.busy)


def _unpruned(done: Round) -> Iterator[str]:
    """Say where `--remove-undeclared` finds undeclared models, but no leave to remove them."""
    by_provider: dict[str, list[str]] = {}
    for ref in done.reconciled.unpruned if done.reconciled else ():
        provider, _, model = ref.partition("/")
        by_provider.setdefault(provider, []).append(model)
    for provider, models in by_provider.items():
        kept = f"{plural(len(models), 'undeclared model')} kept ({few(models, NAMED)})"
        yield f"{provider}: {kept}; to let them go: llmpool providers set {provider} --prune"


def document(done: Round) -> dict[str, Any]:
    """Return the document of `--json`; what was not asked for is null."""
    from llmpool.registry.diff import document as change_document

    report = done.report
    return {
        "providers": [_entry(entry) for entry in report.observed],
        "changes": [change_document(change) for change in report.changes],
        "dead": list(report.dead),
        "failed": list(report.failed),
        "skipped": [{"id": name, "reason": why} for name, why in report.skipped],
        "fresh": list(report.fresh),
        "summary": {name.replace(" ", "_"): number for name, number in counts(report).items()}
        | {"models": report.models, "seconds": round(report.seconds, 3)},
        "catalog": _catalog(done),
        "prices": prices_document(done.prices) if done.prices else None,
        "accounts": _accounts(done),
        "reconciled": _reconciled_document(done),
    }


def _entry(entry: Any) -> dict[str, Any]:
    return {
        "id": entry.provider,
        "ok": not entry.error,
        "models": len(entry.models),
        "error": entry.error or None,
        "error_kind": entry.error_kind or None,
        "stale_since": entry.stale_since or None,
        "latency_ms": entry.latency_ms,
        "skipped_lines": entry.skipped,
    }


def _catalog(done: Round) -> dict[str, Any] | None:
    if done.catalog is None:
        return None
    news = done.catalog
    return {
        "status": news.status,
        "source_url": news.source_url,
        "error": news.error or None,
        "models": news.models,
    }


def prices_document(news: PriceNews) -> dict[str, Any]:
    """Return what came of looking for newer prices as JSON has it."""
    from llmpool.registry.diff import document as change_document

    return {
        "status": news.status,
        "source_url": news.source_url,
        "error": news.error or None,
        "version": news.version,
        "models": news.models,
        "changes": [change_document(change) for change in news.changes],
    }


def _accounts(done: Round) -> list[dict[str, Any]] | None:
    if done.accounts is None:
        return None
    from llmpool.cli.limits import document as limits_document

    entries: list[dict[str, Any]] = limits_document(done.accounts)["limits"]
    return entries


def _reconciled_document(done: Round) -> dict[str, Any] | None:
    if done.reconciled is None:
        return None
    from llmpool.cli.pulls import document as pulls_document

    return pulls_document(done.reconciled)


def pausing(terminal: Terminal, pause: float) -> None:
    """Say on a terminal how long it waits before it begins."""
    if terminal.err_is_terminal:
        minutes, rest = divmod(round(pause), 60)
        length = f"{minutes} min {rest} s" if minutes else f"{rest} s"
        terminal.say(f"waiting {length} before asking anybody (--jitter; Ctrl-C ends it)")


def may_remove(terminal: Terminal, waiting: Waiting, refs: list[str], *, yes: bool) -> bool:
    """List what would be removed, and ask; a no is said, and the rest goes on."""
    from llmpool.cli.confirm import ask

    waiting.clear()
    for ref in refs:
        terminal.say(f"undeclared: {ref}")
    question = f"remove {plural(len(refs), 'undeclared model')} ({few(refs, NAMED)})? [y/N] "
    if yes or ask(terminal, question).strip().lower() in ("y", "yes"):
        return True
    terminal.say("nothing is removed")
    return False


def check_can_ask(terminal: Terminal, *, yes: bool) -> None:
    """Raise Misuse where what is removed can be asked of nobody; before anybody else is."""
    if not yes and not terminal.in_is_terminal:
        raise Misuse(
            "--remove-undeclared asks before it removes models, and nobody can be asked here",
            hint="say so beforehand: --yes",
        )
