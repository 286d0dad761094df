"""`llmpool policy`: what the owner decided."""

from typing import TYPE_CHECKING, Annotated

from llmpool.cli import budgets, complete, groups, simulate
from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, YesFlag
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.setup.policies import Plan


def _states(incomplete: str) -> list[str]:
    from llmpool.core.policy import STATES

    return complete.starting(STATES, incomplete)


DryRunFlag = Annotated[bool, Option("--dry-run", help="Show what would change, and change nothing.")]
TARGETS = "A provider, a deployment by any of its names, or a pattern: 'openai/gpt-4*', '*/llama*'."

app = verbs("Show what you decided about providers and models.")


@app.callback()
def policy() -> None:
    """Show what you decided about providers and models."""


@app.command(
    epilog=examples(
        "llmpool policy",
        "llmpool policy show openai/gpt-5",
        "llmpool policy show 'openai/*' --json",
    )
)
def show(
    ctx: Context,
    target: Annotated[
        str,
        Argument(
            metavar="[TARGET]",
            autocompletion="targets",
            help="All that binds this one; or the policies a pattern means.",
            show_default=False,
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """Show policies, groups and budgets as they stand; or all that binds one target."""
    from llmpool.cli import policy_view
    from llmpool.setup import standing, targets

    terminal: Terminal = ctx.obj
    if target and not targets.is_pattern(target):
        policy_view.standing(terminal, standing.standing(terminal.pool, target), as_json)
    else:
        policy_view.overview(terminal, standing.decided(terminal.pool, target), target, as_json)
    return Exit.OK


@app.command(
    "set",
    epilog=examples(
        "llmpool policy set den --state inactive --reason 'moving house'",
        "llmpool policy set openai/gpt-5 --no-routable",
        "llmpool policy set 'openai/gpt-4*' --state inactive --dry-run",
    ),
)
def set_(
    ctx: Context,
    target: Annotated[list[str], Argument(metavar="TARGET...", autocompletion="targets", help=TARGETS)],
    state: Annotated[
        str | None,
        Option(
            "--state", metavar="STATE", autocompletion=_states, help="active, inactive or flagged (a label)."
        ),
    ] = None,
    routable: Annotated[
        bool | None, Option("--routable/--no-routable", help="Whether it may be chosen automatically.")
    ] = None,
    reason: Annotated[
        str | None, Option("--reason", metavar="TEXT", help="Why; shown with rejections.")
    ] = None,
    force: Annotated[
        bool, Option("--force", help="Decide about what its provider does not list, as spelled.")
    ] = False,
    dry_run: DryRunFlag = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Decide about providers or deployments; what is not said stays as it is.

    An inactive provider is refused even by name, an inactive deployment answers by name only. What a pattern
    means is shown first, and is changed all at once or not at all. Decisions outlive what they are about.
    """
    from llmpool.setup.policies import Wish, plan_set

    terminal: Terminal = ctx.obj
    plan = plan_set(terminal.pool, target, Wish(state, routable, reason), force=force)
    return _carry_out(terminal, plan, "change", dry_run=dry_run, yes=yes, as_json=as_json)


@app.command(
    epilog=examples(
        "llmpool policy clear den",
        "llmpool policy clear 'openai/*' --yes",
        "llmpool policy clear --all --dry-run",
    )
)
def clear(
    ctx: Context,
    target: Annotated[
        list[str] | None,
        Argument(metavar="[TARGET...]", autocompletion="targets", help=TARGETS),
    ] = None,
    every: Annotated[bool, Option("--all", help="Everything that is decided.")] = False,
    dry_run: DryRunFlag = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Forget what was decided about providers or deployments, gone ones included."""
    from llmpool.setup.policies import plan_clear

    terminal: Terminal = ctx.obj
    plan = plan_clear(terminal.pool, target or [], every=every)
    return _carry_out(terminal, plan, "clear", dry_run=dry_run, yes=yes, as_json=as_json)


@app.command(
    epilog=examples(
        "llmpool policy export > policies.json",
        "llmpool policy export --json | jq '.policies[].target'",
    )
)
def export(ctx: Context, as_json: JsonFlag = False) -> int:
    """Print all policies as `policy apply` reads them; with --json on one line."""
    from llmpool.cli import policy_view
    from llmpool.setup import standing

    terminal: Terminal = ctx.obj
    policy_view.export(terminal, standing.decided(terminal.pool), as_json)
    return Exit.OK


@app.command(
    epilog=examples(
        "llmpool policy apply policies.json",
        "llmpool policy apply policies.json --dry-run",
        "ssh old llmpool policy export | llmpool policy apply - --yes",
    )
)
def apply(
    ctx: Context,
    file: Annotated[str, Argument(metavar="FILE", help="What `export` printed; - is stdin.")],
    dry_run: DryRunFlag = False,
    yes: YesFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Replace all policies by those of a file, as one change, after showing the difference.

    A file with any problem changes nothing. What it does not name is cleared; what is not there now is kept
    for when it is.
    """
    from llmpool.setup import policies, policyfile

    terminal: Terminal = ctx.obj
    plan = policies.plan_replace(terminal.pool, policyfile.load(file))
    return _carry_out(terminal, plan, "replace", dry_run=dry_run, yes=yes, as_json=as_json)


def _carry_out(
    terminal: Terminal, plan: "Plan", verb: str, *, dry_run: bool, yes: bool, as_json: bool
) -> int:
    """Preview a plan where that is wanted, carry it out, and show what came of it."""
    from llmpool.cli import policy_view
    from llmpool.setup.policies import carry_out

    if dry_run:
        policy_view.preview(terminal, plan, as_json)
        return Exit.OK
    if plan.broad and not yes:
        policy_view.confirm_plan(terminal, plan, verb)
    policy_view.done(terminal, carry_out(terminal.pool, plan), as_json)
    return Exit.OK


app.command(epilog=examples(*simulate.EXAMPLES))(simulate.simulate)
app.add_group(budgets.app, name="budget")
app.add_group(groups.app, name="group")
