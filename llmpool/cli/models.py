"""`llmpool models`: what there is."""

from typing import Annotated, Any

from llmpool.cli import requests
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, RefArgument, size
from llmpool.errors import Exit

app = verbs("List, show, pull and load models.")


@app.command(
    "list",
    epilog=examples(
        "llmpool models",
        "llmpool models list den --query qwen --policy inactive",
        "llmpool models list --needs images --min-context 100k --max-price 1",
        "llmpool models list --json | jq -r '.models[].id'",
    ),
)
def list_models(
    ctx: Context,
    provider: Annotated[
        str, Argument(metavar="[PROVIDER]", autocompletion="providers", help="Only its models.")
    ] = "",
    query: Annotated[
        str | None, Option("--query", metavar="TEXT", help="Only those with this in an id or alias.")
    ] = None,
    needs: Annotated[
        str,
        Option(
            "--needs",
            metavar="LIST",
            envvar="LLMPOOL_NEEDS",
            autocompletion="needs",
            help="Only those that can.",
        ),
    ] = "",
    supports: Annotated[
        list[str] | None,
        Option("--supports", metavar="WHAT=WORD", help="tools=yes, images=no, thinking=unknown."),
    ] = None,
    local_only: Annotated[
        bool, Option("--local-only", envvar="LLMPOOL_LOCAL_ONLY", help="Only local ones.")
    ] = False,
    mode: Annotated[
        str,
        Option(
            "--mode",
            metavar="MODE",
            envvar="LLMPOOL_MODE",
            autocompletion="modes",
            help="Only those where it may run: cloud or local.",
        ),
    ] = "",
    exclude: Annotated[
        list[str] | None,
        Option(
            "--exclude",
            metavar="ID",
            envvar="LLMPOOL_EXCLUDE",
            autocompletion="models",
            help="Not this provider or deployment, nor a pattern such as '*:free'.",
        ),
    ] = None,
    min_quality: Annotated[
        int,
        Option(
            "--min-quality",
            metavar="N",
            envvar="LLMPOOL_MIN_QUALITY",
            min=0,
            max=10,
            help="At least this quality rating.",
        ),
    ] = 0,
    min_context: Annotated[
        str, Option("--min-context", metavar="N", help="At least this window: 900, 32k, 1M.")
    ] = "",
    context_size: Annotated[
        str,
        Option(
            "--context-size",
            metavar="N",
            envvar="LLMPOOL_CONTEXT_SIZE",
            help="Only those that route takes for so many tokens; k is 1024 here.",
        ),
    ] = "",
    max_price: Annotated[
        str,
        Option("--max-price", metavar="USD", help="At most this per million tokens, in and out each."),
    ] = "",
    group: Annotated[
        str,
        Option(
            "--group",
            metavar="NAME",
            envvar="LLMPOOL_GROUP",
            autocompletion="groups",
            help="Only members of this group.",
        ),
    ] = "",
    policy: Annotated[
        str,
        Option("--policy", metavar="STATE", help="Only active, inactive or flagged ones."),
    ] = "",
    source: Annotated[
        str, Option("--source", metavar="WORD", help="Only those of the config, or discovered.")
    ] = "",
    routable: Annotated[
        bool | None,
        Option("--routable/--no-routable", help="Only those that are chosen by themselves, or not."),
    ] = None,
    registry: Annotated[
        bool, Option("--registry", help="The whole registry: every field, generation, summary.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """List the deployments of the pool; no network.

    What a filter needs and nobody knows of a deployment passes only where nothing known does, and is marked.
    The filters of `route` have its variables too, `LLMPOOL_GROUP` and so on, and it is said when one hides
    models.
    """
    terminal: Terminal = ctx.obj
    pool = terminal.pool
    # fmt: off
    given: dict[str, Any] = {
        "provider": provider, "query": query or "", "needs": needs, "supports": tuple(supports or ()),
        "local_only": local_only, "mode": mode, "exclude": tuple(exclude or ()),
        "min_quality": min_quality, "min_context": min_context, "context_size": context_size,
        "max_price": max_price, "group": group, "policy": policy, "source": source,
    }
    # fmt: on
    filtered = routable is not None or any(given.values())
    plain = as_json and not filtered and not registry
    if plain and not terminal.for_people and not pool.routing["dead"] and not _out(pool):
        terminal.json_list("models", pool.listing_text())
        return Exit.OK
    models, notes = pool.listing["models"], list[str]()
    if filtered:
        from llmpool.cli.filters import Wanted, by_variables, keep

        models, notes = keep(pool, models, Wanted(**given, routable=routable))
        notes += by_variables(ctx) if len(models) < len(pool.listing["models"]) else []
    if registry:
        _registry(terminal, models if filtered else None, as_json)
    else:
        _list(terminal, _as_of_now(pool, models), as_json, filtered, provider)
    for note in notes:
        terminal.say(f"note: {note}")
    return Exit.OK


def _list(
    terminal: Terminal, models: list[dict[str, Any]], as_json: bool, filtered: bool, provider: str
) -> None:
    dead = terminal.pool.routing["dead"]
    if as_json:
        terminal.json({"models": models} | ({"dead": dead} if dead else {}), entries="models")
        return
    from llmpool.cli import model_table
    from llmpool.setup.silent import silent

    if models:
        model_table.show(terminal, models)
    elif filtered:
        terminal.say("no model meets all of that.  see them all: llmpool models list")
    else:
        terminal.say("no models known.  find providers: llmpool init    ask them: llmpool refresh")
    if provider or not (filtered and models):
        model_table.tell_silent(terminal, silent(terminal.pool, provider))
    model_table.tell_dead(terminal, dead)


def _registry(terminal: Terminal, models: list[dict[str, Any]] | None, as_json: bool) -> None:
    """Show the snapshot, or to a person its summary, of these models alone or of all."""
    from llmpool.setup.snapshot import taken

    document = taken(terminal.pool, None if models is None else {model["id"] for model in models})
    if as_json:
        terminal.json(document)
        return
    from llmpool.cli.model_view import summary

    for line in summary(document):
        terminal.out(line, hang=18)


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


@app.command(
    epilog=examples(
        "llmpool models show den/qwen3:8b",
        "llmpool models show embedded/smollm2-135m --json",
    )
)
def show(ctx: Context, ref: RefArgument, as_json: JsonFlag = False) -> int:
    """Show everything about one deployment, and where each value comes from."""
    from llmpool.setup.shown import shown

    terminal: Terminal = ctx.obj
    entry = _as_of_now(terminal.pool, [shown(terminal.pool, ref)])[0]
    if as_json:
        from llmpool.cli.known import layered

        terminal.json({"model": layered(entry)})
        return Exit.OK
    from llmpool.cli.model_view import view

    for line in view(entry):
        terminal.out(line, hang=18)
    return Exit.OK


@app.command(
    "set",
    epilog=examples(
        "llmpool models set openai/gpt-5-mini --quality 8 --alias mini",
        "llmpool models set den/qwen3:8b --context-window 32k --supports tools=no",
        "llmpool models set den/qwen3:8b --no-alias small --unset quality",
    ),
)
def set_(
    ctx: Context,
    ref: RefArgument,
    quality: Annotated[int | None, Option("--quality", metavar="N", help="0 to 10.")] = None,
    speed: Annotated[int | None, Option("--speed", metavar="N", help="0 to 10.")] = None,
    cost_tier: Annotated[int | None, Option("--cost-tier", metavar="N", help="0 (free) to 3 (dear).")] = None,
    min_complexity: Annotated[
        str,
        Option("--min-complexity", metavar="WORD", help="The least it is for: simple, moderate, complex."),
    ] = "",
    alias: Annotated[list[str] | None, Option("--alias", metavar="NAME", help="Another name.")] = None,
    no_alias: Annotated[
        list[str] | None, Option("--no-alias", metavar="NAME", help="No longer another name.")
    ] = None,
    context_window: Annotated[
        str, Option("--context-window", metavar="N", help="Tokens; 0 is unknown.")
    ] = "",
    supports: Annotated[
        list[str] | None, Option("--supports", metavar="WHAT=YES", help="tools=no, images=yes.")
    ] = None,
    pull: Annotated[
        bool | None, Option("--pull/--no-pull", help="Keep it pulled: llmpool refresh --pull.")
    ] = None,
    unset: Annotated[
        list[str] | None,
        Option("--unset", metavar="FIELD", help="Take a declaration back: quality, tools, ..., all."),
    ] = None,
    force: Annotated[
        bool,
        Option(
            "--force",
            help="Declare a name much like a listed one as it is spelled; hide a model by an alias.",
        ),
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Declare ratings, aliases, window or capabilities of a deployment, in the config; or take that back.

    A `provider/model` may be declared before its provider lists it.
    """
    from llmpool.setup import declare

    terminal: Terminal = ctx.obj
    plain = {
        "quality": quality,
        "speed": speed,
        "cost_tier": cost_tier,
        "min_complexity": min_complexity or None,
        "context_window": size(context_window) if context_window else None,
        "pull": pull,
        "aliases": alias or None,
    }
    fields = {name: value for name, value in plain.items() if value is not None}
    fields |= dict(map(requests.supported, supports or ()))
    name, note = declare.declare(terminal.pool, ref, fields, unset or (), no_alias or (), force=force)
    if as_json:
        declared = declare.declared(terminal.pool, name)
        terminal.json({"model": {"id": name} | declared, "notes": [note] if note else []})
        return Exit.OK
    terminal.say(f"{name}: " + ", ".join(_told(fields, unset or [], no_alias or [])))
    if note:
        terminal.say(f"note: {note}")
    return Exit.OK


def _told(fields: dict[str, Any], unset: list[str], no_alias: list[str]) -> list[str]:
    """Say what `models set` did, a few words each."""
    from llmpool.cli.output import words

    told = [_unset(field) for field in unset]
    told += [f"{alias} is no alias any more" for alias in no_alias]
    told += [f"alias {alias}" for alias in fields.get("aliases", ())]
    return told + [f"{field} is {words(value)}" for field, value in fields.items() if field != "aliases"]


def _unset(field: str) -> str:
    """Say that a field is not declared any more; several have a plural for a name."""
    what = "nothing" if field == "all" else f"no {field}"
    return f"{what} {'are' if field.endswith('s') else 'is'} declared any more"


app.elsewhere("pulls", "pull", "remove")
app.elsewhere("loading", "load", "unload", "ps")
app.elsewhere("probe", "probe")
