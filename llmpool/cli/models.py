"""`llmpool models`: what there is."""

from typing import Annotated, Any

import typer

from llmpool.cli import complete, loading, probe, pulls, requests
from llmpool.cli.app import examples, verbs
from llmpool.cli.context import Terminal
from llmpool.cli.options import JsonFlag, RefArgument, size
from llmpool.errors import Exit

app = verbs("List, show and pull models.")


@app.command(
    "list",
    epilog=examples(
        "llmpool models",
        "llmpool models list den --needs tools",
        "llmpool models list --local-only --min-context 32k",
        "llmpool models list --json | jq -r '.models[].id'",
    ),
)
def list_models(
    ctx: typer.Context,
    provider: Annotated[
        str, typer.Argument(metavar="[PROVIDER]", autocompletion=complete.providers, help="Only its models.")
    ] = "",
    needs: Annotated[
        str,
        typer.Option("--needs", metavar="LIST", autocompletion=complete.needs, help="Only those that can."),
    ] = "",
    local_only: Annotated[bool, typer.Option("--local-only", help="Only local ones.")] = False,
    min_quality: Annotated[
        int, typer.Option("--min-quality", metavar="N", min=0, max=10, help="At least this quality rating.")
    ] = 0,
    min_context: Annotated[
        str, typer.Option("--min-context", metavar="N", help="At least this window.")
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """List the deployments of the pool; no network."""
    terminal: Terminal = ctx.obj
    pool = terminal.pool
    filtered = bool(provider or needs or local_only or min_quality or min_context)
    if as_json and not filtered and not terminal.is_terminal and not _out(pool):
        terminal.json_list("models", pool.listing_text())
        return Exit.OK
    models = pool.listing["models"]
    if filtered:
        from llmpool.cli.filters import keep

        models = keep(pool, models, provider, needs, local_only, min_quality, min_context)
    models = _as_of_now(pool, models)
    if as_json:
        terminal.json({"models": models})
        return Exit.OK
    if not models:
        terminal.say("no models known.  find providers: llmpool init    ask them: llmpool refresh")
        return Exit.OK
    _table(terminal, models)
    return Exit.OK


def _as_of_now(pool: Any, models: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark what cannot answer just now: no key, resting, unreachable, too stale."""
    out = _out(pool)
    if not out:
        return models
    return [
        m | {"available": False, "unavailable_reason": out[m["provider"]]}
        if m["available"] and m["provider"] in out
        else m
        for m in models
    ]


def _out(pool: Any) -> dict[str, str]:
    """Name the providers that cannot answer just now, with the reason."""
    facts = pool.facts()
    return dict(facts.stale | facts.keyless | facts.cooling | facts.unreachable)


def _table(terminal: Terminal, models: list[dict[str, Any]]) -> None:
    from llmpool.cli.output import window
    from llmpool.cli.tables import show

    rows = []
    for m in models:
        rated = m["ratings"]
        can = [name for name in ("tools", "images", "thinking") if m["capabilities"].get(name)]
        state = m.get("unavailable_reason", "") or ("last resort" if m.get("last_resort") else "")
        figures = [str(rated["quality"]), str(rated["speed"]), str(rated["cost_tier"])]
        rows.append([m["id"], m["location"], window(m["context_window"]), *figures, ",".join(can), state])
    show(terminal, ["model", "where", ">window", ">quality", ">speed", ">cost", "can", ""], rows)


@app.command(
    epilog=examples(
        "llmpool models show den/qwen3:8b",
        "llmpool models show embedded/smollm2-135m --json",
    )
)
def show(ctx: typer.Context, ref: RefArgument, as_json: JsonFlag = False) -> int:
    """Show everything about one deployment, and where each value comes from."""
    from llmpool.core.record import plain
    from llmpool.data import metadata
    from llmpool.registry import probes, resolve
    from llmpool.registry.capabilities import Told
    from llmpool.registry.compiled import listed
    from llmpool.registry.provenance import provenance
    from llmpool.state import inventory

    terminal: Terminal = ctx.obj
    pool = terminal.pool
    row = resolve.one(ref, pool.table)
    found = next(d for d in pool.registry.deployments if d.id == row.id)
    seen = inventory.read(pool.paths.state).providers.get(found.provider)
    tried = probes.probe_of(found.model, {p.model: p for p in seen.probes} if seen else {})
    vendored = metadata.facts(pool.provider(found.provider), found.model)
    entry = _as_of_now(pool, [listed(found, seen, pool.facts().absent.get(found.id, ""))])[0] | {
        "origin": dict(found.origin),
        "provenance": provenance(found, Told(found.declared, tried, found.observed, vendored)),
        "observed": plain(found.observed),
        "declared": plain(found.declared),
        "vendored": plain(vendored),
        "probe": plain(tried),
    }
    if as_json:
        terminal.json({"model": entry})
    else:
        _show_person(terminal, entry)
    return Exit.OK


def _show_person(terminal: Terminal, entry: dict[str, Any]) -> None:
    terminal.out(f"{entry['id']}   {entry['location']}, {entry['source']}")
    state = "available" if entry["available"] else f"not available: {entry['unavailable_reason']}"
    terminal.out(f"  {state}" + (", last resort" if entry.get("last_resort") else ""))
    for name, known in entry["provenance"].items():
        terminal.out(_field(name, known))
    price = entry["price"]
    cost = "unknown" if price is None else f"{price['input']} in, {price['output']} out"
    terminal.out(f"  {'price USD/M':15} {cost:12} {price['source'] if price else ''}".rstrip())
    if tried := entry["probe"]:
        word = {True: "answered", False: "not there", None: "cannot say"}[tried["available"]]
        terminal.out(f"  {'probed':15} {word:12} {tried['at'][:10]} {tried['error']}".rstrip())
    if entry.get("aliases"):
        terminal.out(f"  {'aliases':15} {', '.join(entry['aliases'])}")


def _field(name: str, known: dict[str, Any]) -> str:
    """Write one value with its source, and in brackets what others say who see it differently."""
    others = {who: said for who, said in known.items() if who not in ("value", "from")}
    differ = [f"{who} {_word(name, said)}" for who, said in others.items() if said != known["value"]]
    line = f"  {name.replace('_', ' '):15} {_word(name, known['value']):12} {known['from']}"
    return f"{line} ({', '.join(differ)})" if differ else line


def _word(name: str, value: Any) -> str:
    """Write a value of `models show` as people read it."""
    from llmpool.cli.output import window

    if name in ("context_window", "max_output"):
        return window(value)
    words = {"True": "yes", "False": "no", "None": "unknown"}  # as text, for 1 is a rating and not yes
    return words.get(str(value), str(value))


@app.command(
    "set",
    epilog=examples(
        "llmpool models set openai/gpt-5-mini --quality 8 --alias mini",
        "llmpool models set den/qwen3:8b --context-window 32k --supports tools=no",
    ),
)
def set_(
    ctx: typer.Context,
    ref: RefArgument,
    quality: Annotated[int | None, typer.Option("--quality", metavar="N", help="0 to 10.")] = None,
    speed: Annotated[int | None, typer.Option("--speed", metavar="N", help="0 to 10.")] = None,
    cost_tier: Annotated[
        int | None, typer.Option("--cost-tier", metavar="N", help="0 (free) to 3 (dear).")
    ] = None,
    alias: Annotated[list[str] | None, typer.Option("--alias", metavar="NAME", help="Another name.")] = None,
    context_window: Annotated[
        str, typer.Option("--context-window", metavar="N", help="Tokens; 0 is unknown.")
    ] = "",
    supports: Annotated[
        list[str] | None, typer.Option("--supports", metavar="WHAT=YES", help="tools=no, images=yes.")
    ] = None,
) -> int:
    """Declare ratings, aliases, window or capabilities of a deployment, in the config."""
    from llmpool.setup import declare

    terminal: Terminal = ctx.obj
    rated = {"quality": quality, "speed": speed, "cost_tier": cost_tier}
    fields: dict[str, Any] = {name: value for name, value in rated.items() if value is not None}
    if context_window:
        fields["context_window"] = size(context_window)
    if alias:
        fields["aliases"] = alias
    fields |= dict(map(requests.supported, supports or ()))
    name = declare.declare(terminal.pool, ref, fields)
    terminal.say(f"{name}: " + ", ".join(f"{field} is {value}" for field, value in fields.items()))
    return Exit.OK


app.command(short_help=pulls.SHORT, epilog=examples(*pulls.PULL_EXAMPLES))(pulls.pull)
app.command(epilog=examples(*pulls.REMOVE_EXAMPLES))(pulls.remove)
app.command(epilog=examples(*loading.PS_EXAMPLES))(loading.ps)
app.command(epilog=examples(*loading.UNLOAD_EXAMPLES))(loading.unload)
app.command(epilog=examples(*probe.EXAMPLES))(probe.probe)
