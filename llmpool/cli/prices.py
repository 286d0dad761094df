"""`llmpool usage prices` and `usage reprice`: what models cost, by whose word, and costs worked out again."""

from typing import TYPE_CHECKING, Annotated

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, RefArgument, YesFlag
from llmpool.cli.spans import Since, Until, bounds, month_start
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.discovery.prices import PriceNews

app = verbs("Show and set what models cost, USD per million tokens.")

REPRICE_EXAMPLES = (
    "llmpool usage reprice",
    "llmpool usage reprice --since 2026-11-01 --json | jq .difference",
    "llmpool usage reprice --since 7d --apply --yes",
)
"""Of `reprice`, for whoever registers it."""


@app.command(
    "list",
    epilog=examples(
        "llmpool usage prices",
        "llmpool usage prices list --unpriced",
        "llmpool usage prices --json | jq -r '.prices[] | .deployment'",
    ),
)
def list_prices(
    ctx: Context,
    unpriced: Annotated[bool, Option("--unpriced", help="Only what has no price.")] = False,
    own: Annotated[bool, Option("--own", help="Only the prices that you set, as you set them.")] = False,
    as_json: JsonFlag = False,
) -> int:
    """List what each deployment costs, and by which price."""
    from llmpool.cli import price_view
    from llmpool.setup import prices

    terminal: Terminal = ctx.obj
    if own:
        price_view.own(terminal, prices.own(terminal.pool), as_json=as_json)
        return Exit.OK
    found = [each for each in prices.entries(terminal.pool) if not (unpriced and each.priced)]
    if as_json:
        terminal.json(price_view.document(terminal, found))
    else:
        price_view.table(terminal, found)
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool usage prices show openai/gpt-5-mini",
        "llmpool usage prices show claude-sonnet-4-5 --json | jq .price.tiers",
    )
)
def show(ctx: Context, ref: RefArgument, as_json: JsonFlag = False) -> int:
    """Show what a model costs: cache and long prompts too, which rule says so, and since when.

    REF may be a model that nobody lists: it is looked up all the same.
    """
    from llmpool.cli import price_view
    from llmpool.setup import prices

    terminal: Terminal = ctx.obj
    found = prices.show(terminal.pool, ref)
    if as_json:
        shown = {"deployment": found.entry.ref, "price": prices.as_json(terminal.pool, found.entry.priced)}
        terminal.json(shown | {"without_own": prices.as_json(terminal.pool, found.otherwise)})
    else:
        price_view.show(terminal, found)
    return Exit.OK


@app.command(
    "set",
    epilog=examples(
        "llmpool usage prices set work/gpt-5-x --input 1.25 --output 10",
        "llmpool usage prices set 'gpt-5*' 1.25 10",
        "llmpool usage prices set --default 5 15",
    ),
)
def set_price(
    ctx: Context,
    words: Annotated[
        list[str],
        Argument(
            metavar="[TARGET] [INPUT OUTPUT]",
            autocompletion="models",
            help="A deployment, a model or a pattern, and two prices.",
            show_default=False,
        ),
    ],
    default: Annotated[bool, Option("--default", help="For all that has no price.")] = False,
    input_: Annotated[str, Option("--input", metavar="USD", help="A million tokens in.")] = "",
    output: Annotated[str, Option("--output", metavar="USD", help="A million tokens out.")] = "",
    cache_read: Annotated[str, Option(metavar="USD", help="A million tokens from the cache.")] = "",
    cache_write: Annotated[str, Option(metavar="USD", help="A million into the cache.")] = "",
    cache_write_1h: Annotated[str, Option(metavar="USD", help="The same, for an hour.")] = "",
    per_request: Annotated[str, Option(metavar="USD", help="Each request.")] = "",
    as_json: JsonFlag = False,
) -> int:
    """Set a price of your own, in USD per million tokens; it counts before all others.

    A model's price counts at every provider, a deployment's (provider/model) there alone; of several patterns
    that fit the longest counts. What is not given stays as it was set before.
    """
    from llmpool.cli import price_view
    from llmpool.setup import prices

    terminal: Terminal = ctx.obj
    target, amounts = _parted(words, default=default)
    given = {
        "input": input_,
        "output": output,
        "cache_read": cache_read,
        "cache_write": cache_write,
        "cache_write_1h": cache_write_1h,
        "per_request": per_request,
    }
    named = {name: text for name, text in given.items() if text}
    if twice := [name for name in amounts if name in named]:
        raise Misuse(f"{twice[0]} is given twice", hint=f"as one of two prices, or as --{twice[0]}")
    both = amounts | named
    price_view.put(terminal, prices.put(terminal.pool, target, both), as_json=as_json)
    return Exit.OK


def _parted(words: list[str], *, default: bool) -> tuple[str, dict[str, str]]:
    """Tell the target from the two prices; the default has none."""
    target, amounts = ("", words) if default else (words[0] if words else "", words[1:])
    if not default and not target:
        raise Misuse("a price of what?", hint="name a deployment, a model or a pattern, or say --default")
    if len(amounts) not in (0, 2):
        raise Misuse("two prices are wanted: input and output", hint="or say --input 1.25, --output 10")
    return target, dict(zip(("input", "output"), amounts, strict=False))


@app.command(
    epilog=examples(
        "llmpool usage prices unset work/gpt-5-x 'gpt-5*'",
        "llmpool usage prices unset --default",
    )
)
def unset(
    ctx: Context,
    targets: Annotated[
        list[str] | None,
        Argument(metavar="[TARGET]...", autocompletion="models", help="As they were set."),
    ] = None,
    default: Annotated[bool, Option("--default", help="The price of all that has none.")] = False,
    every: Annotated[bool, Option("--all", help="Every price you set.")] = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Take prices of your own back; what the price book says counts again."""
    from llmpool.cli import price_view
    from llmpool.cli.confirm import confirm
    from llmpool.cli.output import plural
    from llmpool.setup import prices

    terminal: Terminal = ctx.obj
    keys = [*dict.fromkeys(targets or ()), *([prices.DEFAULT] if default else [])]
    if bool(keys) == every:
        raise Misuse("name what to unset, or say --all", hint="see them: llmpool usage prices list --own")
    if every:
        keys = prices.keys(prices.own(terminal.pool))
        confirm(terminal, f"take back {plural(len(keys), 'price')}?", yes=yes or not keys)
    price_view.dropped(terminal, prices.drop(terminal.pool, keys), as_json=as_json)
    return Exit.OK


@app.command(
    epilog=examples("llmpool usage prices update", "llmpool usage prices update --json | jq .version")
)
def update(ctx: Context, as_json: JsonFlag = False) -> int:
    """Fetch the newest price book; what deployments cost from now on goes to stdout.

    It comes from `prices_url` of the config, else from the genai-prices project. Prices that you set stay in
    force; a list that cannot be had or read changes nothing, and the exit code is 9.
    """
    from llmpool.cli import refresh_view
    from llmpool.discovery.prices import fetch

    terminal: Terminal = ctx.obj
    news: PriceNews = fetch(terminal.pool)
    if as_json:
        terminal.json(refresh_view.prices_document(news))
    else:
        refresh_view.tell_prices(terminal, news)
    return Exit.PARTLY if news.error else Exit.OK


def reprice(
    ctx: Context,
    since: Since = "",
    until: Until = "",
    apply: Annotated[bool, Option("--apply", help="Write the new costs into the records.")] = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Compare recorded costs with those at today's prices, this month; changes nothing without --apply.

    A price counts from the day it holds: a request of March is priced as of March. With --apply the old cost
    stays beside the new one in each record, as cost_original.
    """
    from llmpool.cli import price_view
    from llmpool.cli.confirm import confirm
    from llmpool.cli.output import plural
    from llmpool.cli.progress import Progress
    from llmpool.setup import reprice as work

    terminal: Terminal = ctx.obj
    span = bounds(terminal, since or month_start(terminal), until)
    with Progress(terminal) as progress:
        report = work.view(
            terminal.pool, span.span, lambda done, total: progress.bar(done, total, unit="days")
        )
    if not as_json:
        price_view.repriced(terminal, span, report)
    if apply and report.total.changed:
        confirm(terminal, f"rewrite the cost of {plural(report.total.changed, 'request')}?", yes=yes)
        with Progress(terminal) as progress:
            told = work.apply(
                terminal.pool, span.span, lambda done, total: progress.bar(done, total, unit="days")
            )
        report = report._replace(applied=told)
    elif apply:
        report = report._replace(applied=0)
    if as_json:
        terminal.json({"since": span.since, "until": span.until} | report.as_json())
    else:
        price_view.applied(terminal, report)
    return Exit.OK
