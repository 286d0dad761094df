"""The conversation of `llmpool init`: what was looked at, what was found, what to do next."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.confirm import ask
from llmpool.cli.output import plural
from llmpool.cli.progress import Progress
from llmpool.discovery.refresh import RefreshReport, refresh
from llmpool.setup import init, models, providers

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal

_MENU = """\
  1 address of a server   2 small model here (98 MB, toy quality)   q quit
  (a cloud key: export OPENAI_API_KEY=... and run this again)
"""


def run(terminal: Terminal, *, yes: bool, embedded: bool) -> dict[str, Any]:
    """Look, write, list, and say so; returns what `--json` prints."""
    pool, asks = terminal.pool, terminal.in_is_terminal and not yes
    known = {provider.id for provider in pool.config.providers}
    progress = Progress(terminal)
    findings = init.look(pool, lambda place: progress.line(f"  looking at {place}"))
    progress.done()
    _tell_unsupported(terminal, findings)
    found_any = any(key.supported for key in findings.keys) or findings.servers or pool.config.providers
    taste = _taste(terminal) if asks and found_any and not pool.config.exists else "mine"
    added = init.write(pool, findings, embedded=init.embedded_is_there(pool), taste=taste)
    if not found_any and not init.embedded_is_there(pool):
        terminal.say(
            f"looked at {findings.variables} key variables and {findings.addresses} addresses: nothing found"
        )
        _offer(terminal, yes=yes, asks=asks, embedded=embedded)
    if not pool.config.providers:
        terminal.say("nothing to answer with yet.  a key: export OPENAI_API_KEY=...   then: llmpool init")
        return {"providers": [], "config": str(pool.paths.config), "added": []}
    report = refresh(pool, tuple(p.id for p in pool.catalog.providers if p.enabled))
    because = {provider.id: "" for provider in pool.config.providers if provider.id not in known}
    because |= {entry.provider: entry.because for entry in added}
    _tell(terminal, report, because)
    return {
        "config": str(pool.paths.config),
        "added": sorted(because),
        "providers": [
            {"id": e.provider, "models": len(e.models), "error": e.error or None} for e in report.observed
        ],
    }


def _tell(terminal: Terminal, report: RefreshReport, because: dict[str, str]) -> None:
    width = max(len(entry.provider) for entry in report.observed)
    for entry in sorted(report.observed, key=lambda e: e.provider):
        facts = entry.error or plural(len(entry.models), "model")
        why = because.get(entry.provider, "configured before") or "new"
        terminal.say(f"{entry.provider:{width}}   {why:30}  {facts}")
    path = terminal.pool.paths.config
    done = f"wrote {path}" if because else f"{path} is complete, nothing to add"
    terminal.say(f'{done}; no tokens spent.  try: llmpool chat "Why is the sky blue?"')


def _tell_unsupported(terminal: Terminal, findings: init.Findings) -> None:
    for key in findings.keys:
        if not key.supported:
            terminal.say(
                f"note: {key.variable} is set, but this version does not speak {key.preset.format} yet"
            )


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
            address = ask(terminal, "address (http://host:port): ").strip()
            providers.add(terminal.pool, providers.Wish(address))
        yes = answer == "2"
    if yes and can:
        ref = f"embedded/{init.EMBEDDED_MODEL}"
        terminal.say(f"fetching {ref}: 98 MB, a toy that runs here, to see that everything works")
        progress = Progress(terminal)
        try:
            models.pull(terminal.pool, ref, "", "", progress.bytes)
        finally:
            progress.done()
    elif yes and embedded:
        terminal.say("the small model needs an extra: pip install 'llmpool[embedded]'")
