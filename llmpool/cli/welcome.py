"""The conversation of `llmpool init`: what was looked at, what was found, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.confirm import ask
from llmpool.cli.import_view import told
from llmpool.cli.output import plural, window
from llmpool.cli.progress import Progress
from llmpool.cli.transfer import moving
from llmpool.config.paths import from_home
from llmpool.core.ids import mask_shortly
from llmpool.core.text import few
from llmpool.discovery.refresh import RefreshReport, refresh
from llmpool.importers.tools import TOOLS
from llmpool.setup import downloads, init, providers

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.core.inventory import ProviderInventory
    from llmpool.setup.import_survey import Entry

_MENU = """\
  1 paste an API key   2 address of a server   3 small model here (98 MB, toy quality)   q quit
"""


def run(terminal: Terminal, *, yes: bool, embedded: bool) -> dict[str, Any]:
    """Look, write, list, and say so; returns what `--json` prints."""
    pool, asks = terminal.pool, terminal.in_is_terminal and not yes
    known = {provider.id for provider in pool.config.providers}
    with Progress(terminal) as progress:
        progress.line("  looking for keys and servers")
        findings = init.look(pool)
    _tell_unused(terminal, findings)
    on_disk = init.embedded_is_there(pool)
    others = init.elsewhere(pool)
    found_any = findings.keys or findings.servers or known or others
    taste = _taste(terminal) if asks and found_any and not pool.config.exists else "mine"
    added = init.write(pool, findings, embedded=on_disk, taste=taste)
    if not found_any and not on_disk:
        terminal.say(
            f"looked at {findings.variables} key variables, {findings.places} addresses, "
            f"{len(TOOLS)} other tools: nothing found"
        )
        _offer(terminal, yes=yes, asks=asks, embedded=embedded)
    others = init.elsewhere(pool)  # without what the variables have settled
    taken = _take_over(terminal, others, asks=asks)
    because = {provider.id: "" for provider in pool.config.providers if provider.id not in known}
    because |= {entry.provider: entry.because for entry in added} | taken
    report = refresh(pool, tuple(p.id for p in pool.catalog.providers if p.enabled))
    _tell(terminal, report, because)
    return {
        "config": str(pool.paths.config),
        "added": sorted(because),
        "elsewhere": [{"tool": e.found.tool, "becomes": e.target.provider} for e in others if not taken],
        "providers": [
            {"id": e.provider, "models": len(e.models), "error": e.error or None} for e in report.observed
        ],
    }


def _tell(terminal: Terminal, report: RefreshReport, because: dict[str, str]) -> None:
    width = max((len(entry.provider) for entry in report.observed), default=0)
    for entry in sorted(report.observed, key=lambda e: e.provider):
        facts = entry.error or plural(len(entry.models), "model") + _loaded(entry)
        why = because.get(entry.provider, "configured before") or "new"
        terminal.say(f"{entry.provider:{width}}   {why:30}  {facts}")
    path = from_home(terminal.pool.paths.config, terminal.pool.env)
    if because:
        terminal.say(f"wrote {path}; no tokens spent")
    elif report.observed:
        terminal.say(f"{path} is complete, nothing to add; no tokens spent")
    if any(not entry.error and entry.models for entry in report.observed):
        terminal.say('try: llmpool chat "Why is the sky blue?"')
    elif report.observed:
        terminal.say("nobody answered; try again: llmpool refresh")
    else:
        terminal.say("nothing to answer with yet.  a key: export OPENAI_API_KEY=...   then: llmpool init")


def _loaded(entry: ProviderInventory) -> str:
    """Name what is in a server's memory, and the window that it has there."""
    there = [model for model in entry.models if model.loaded_context]
    named = [f"{model.name} loaded at {window(model.loaded_context)}" for model in there]
    return f", {few(named, 2)}" if named else ""


def _paste(terminal: Terminal) -> None:
    """Ask for a vendor and its key, which is not shown, and keep it."""
    from llmpool.cli import given_key
    from llmpool.setup.keys import Given

    vendor = ask(terminal, "whose? [openai] ").strip() or "openai"
    wish = providers.Wish(vendor, key=Given(given_key.asked(terminal, f"key of {vendor}")))
    name, kept = providers.add_with_key(terminal.pool, wish)
    given_key.tell(terminal, name, kept)


def _tell_unused(terminal: Terminal, findings: init.Findings) -> None:
    """Name what a person has set and this run cannot use, so that nobody wonders."""
    for place, why in findings.silent:
        terminal.say(f"note: {place.variable} names {place.url}: {why}")


def _take_over(terminal: Terminal, others: list[Entry], *, asks: bool) -> dict[str, str]:
    """Ask whether what other tools have is wanted here; off a terminal only say how to have it."""
    if not others:
        return {}
    tools = list(dict.fromkeys(entry.found.tool for entry in others))
    for entry in others:
        what = mask_shortly(entry.found.key) if entry.found.key else entry.found.key_env or entry.target.url
        terminal.say(f"  {entry.found.name} has {what} for {entry.target.provider}")
    if not asks or ask(terminal, f"Take over from {', '.join(tools)}? [y/N] ").strip().lower() not in (
        "y",
        "yes",
    ):
        way = tools[0] if len(tools) == 1 else "all"
        terminal.say(f"left there; to take over: llmpool providers import {way}")
        return {}
    steps = init.take_over(terminal.pool, others)
    lost = [step for step in steps if step.action in ("failed", "skipped")]
    told(terminal, lost)
    if lost:
        terminal.say("once more, and to where you want it: llmpool providers import all --keep file")
    return {step.provider: "from another tool" for step in steps if step.action in ("added", "key")}


def _taste(terminal: Terminal) -> str:
    """Ask the one question: whose machines, and how dear."""
    names = list(init.TASTES)
    for number, (words, _) in enumerate(init.TASTES.values(), 1):
        terminal.say(f"  {number} {words}")
    answer = ask(terminal, "What should answer first? [1] ").strip()
    return names[int(answer) - 1] if answer in ("1", "2", "3") else names[0]


def _offer(terminal: Terminal, *, yes: bool, asks: bool, embedded: bool) -> None:
    """Offer what is left when nothing was found; without a terminal only `--yes` counts as an answer."""
    can = embedded and init.can_embed()
    if asks:
        terminal.say(_MENU.rstrip())
        answer = ask(terminal, "? ").strip().lower()
        if answer == "1":
            _paste(terminal)
        elif answer == "2":
            address = ask(terminal, "address (http://host:port): ").strip()
            providers.add(terminal.pool, providers.Wish(address))
        yes = answer == "3"
    if yes and can:
        ref = f"embedded/{init.EMBEDDED_MODEL}"
        terminal.say(f"fetching {ref}: 98 MB, a toy that runs here, to see that everything works")
        with Progress(terminal) as progress:
            downloads.pull(terminal.pool, ref, lambda event: progress.line(moving(event)))
    elif yes and embedded:
        terminal.say("the small model needs an extra: pip install 'llmpool[embedded]'")
