"""Policies on a terminal and in scripts: what is decided, what would change, what has, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from llmpool.cli.output import plural

if TYPE_CHECKING:
    from llmpool.cli.context import Terminal
    from llmpool.core.config import Budget, Group
    from llmpool.core.policy import Policy
    from llmpool.setup.policies import Change, Plan
    from llmpool.setup.standing import Decided, Standing

SHOWN = 20  # lines of a preview above a question
UNDONE = 10  # commands that undo a change, beyond which a copy made beforehand is the better way
_ROUTABLE = {True: "yes", False: "no", None: ""}
_KEPT = ("state", "routable", "reason", "updated_at")


def words(target: str, policy: Policy | None) -> str:
    """Say in words what a policy does to its target."""
    if policy is None:
        return "nothing decided"
    state = policy.effective_state
    effect = {True: "chosen automatically", False: "only by name", None: ""}[policy.routable]
    if state == "inactive":
        effect = "only by name" if "/" in target else "refused even by name"
    return ", ".join(filter(None, (state, effect))) + (f" ({policy.reason})" if policy.reason else "")


def overview(terminal: Terminal, decided: Decided, pattern: str, as_json: bool) -> None:
    """Show policies; without a *pattern* also the groups and budgets of the config."""
    from llmpool.cli.tables import show as table
    from llmpool.core.record import plain
    from llmpool.setup.policyfile import entries

    config = None if pattern else terminal.pool.config
    if as_json:
        extra = {"groups": plain(config.groups), "budgets": plain(config.budgets)} if config else {}
        terminal.json({"policies": entries(decided.policies)} | extra, entries="policies")
        return
    rows = [
        [target, p.effective_state, _ROUTABLE[p.routable], p.reason, terminal.when(p.updated_at), gone]
        for target, p in decided.policies.items()
        for gone in ["not there now" if target in decided.gone else ""]
    ]
    headings = ["target", "!state", "~routable", "reason", "~~decided", ""]
    budgets = [[f"budget {b.name}", *_budget(b)] for b in config.budgets] if config else []
    groups = [[f"group {g.name}", *_lists(g)] for g in config.groups] if config else []
    if not (rows or budgets or groups):
        terminal.say("nothing is decided: every provider and model is active")
        return
    filled = [[[*row, *[""] * (6 - len(row))] for row in part] for part in (rows, budgets, groups)]
    others = (
        ["budget", "limit", "at the cap", "scope", "~", ""],
        ["group", "providers", "models", "~", "~", ""],
    )
    with terminal.paged():
        first = True
        for heads, part in zip((headings, *others), filled, strict=True):
            if part and terminal.for_people and not first:
                terminal.out("")
            table(terminal, heads, part)
            first = first and not part


def _budget(budget: Budget) -> list[str]:
    from decimal import Decimal

    from llmpool.core.money import usd

    span = "in all" if budget.per == "total" else f"a {budget.per}"
    tag = f"tag {budget.tag}" if budget.tag else ""
    return [
        f"{usd(Decimal(budget.limit))} {span}",
        budget.on_exceed,
        "" if budget.scope == "*" else budget.scope,
        tag,
    ]


def _lists(group: Group) -> list[str]:
    return [
        "all providers" if group.providers is None else ", ".join(group.providers),
        "all models" if group.models is None else ", ".join(group.models),
    ]


def export(terminal: Terminal, decided: Decided, as_json: bool) -> None:
    """Print the document that `policy apply` reads: a line each, for people and version control."""
    import json

    from llmpool.setup.policyfile import SCHEMA, entries

    document = {"schema": SCHEMA, "policies": entries(decided.policies)}
    terminal.write(json.dumps(document, indent=None if as_json else 2) + "\n")


def preview(terminal: Terminal, plan: Plan, as_json: bool) -> None:
    """Show on stdout what a plan would change."""
    if as_json:
        terminal.json({"dry_run": True} | _document(plan))
        return
    _notes(terminal, plan)
    for line in _lines(plan):
        terminal.out(line, hang=2)
    if not plan.moved:
        terminal.say("nothing would change")


def confirm_plan(terminal: Terminal, plan: Plan, verb: str) -> None:
    """Show a plan on stderr and ask; raises Misuse when the answer is no, or nobody can give one."""
    from llmpool.cli.confirm import confirm

    lines = _lines(plan)
    hidden = [f"and {len(lines) - SHOWN} more: --dry-run"] if len(lines) > SHOWN else []
    for line in (*lines[:SHOWN], *hidden):
        terminal.say(f"  {line}")
    if len(_undo(terminal, plan)) > UNDONE:
        terminal.say("  to keep a copy first: llmpool policy export > policies.json")
    confirm(terminal, f"{verb} {plural(len(plan.moved), 'policy', 'policies')}?", yes=False)


def done(terminal: Terminal, plan: Plan, as_json: bool) -> None:
    """Show what a plan has changed, and how to undo it."""
    _notes(terminal, plan)
    if as_json:
        document = _document(plan)
        only = document["changes"][0]["after"] if len(plan.changes) == 1 else None
        terminal.json(document | ({"policy": only} if only else {}))
        return
    undo = _undo(terminal, plan)
    if len(plan.changes) == 1 and undo:
        terminal.say(f"{_now(plan.changes[0])}    undo: {undo[0]}")
        return
    for change in plan.moved:
        terminal.say(_now(change))
    if not plan.moved:
        terminal.say("nothing has changed")
    for command in undo if len(undo) <= UNDONE else ():
        terminal.say(f"undo: {command}")


def standing(terminal: Terminal, found: Standing, as_json: bool) -> None:
    """Show all that binds one target."""
    if as_json:
        terminal.json({"policy": _standing_document(found)})
        return
    if found.model:
        how = [("chosen automatically", found.automatic), ("answers by name", found.by_name)]
    else:
        how = [("takes part", found.automatic)]
    told = [f"{way}: {f'no, {reason}' if reason else 'yes'}" for way, reason in how]
    terminal.out("   ".join([found.target, *told]), hang=2)
    for name, value in _facts(terminal, found):
        terminal.out(f"  {name:12} {value}", hang=15)


def _facts(terminal: Terminal, found: Standing) -> list[tuple[str, str]]:
    """List what is known of a target, a line each."""

    def told(target: str, policy: Policy | None) -> str:
        when = terminal.when(policy.updated_at, never="") if policy else ""
        return words(target, policy) + (f", {when}" if when else "")

    provider = found.target.partition("/")[0]
    facts = [("policy", told(found.target, found.own))]
    if found.model:
        facts.append(("provider", f"{provider}: {told(provider, found.provider)}"))
    else:
        facts.append(("deployments", str(found.deployments)))
    if found.enabled is not None:
        facts.append(("enabled", "yes" if found.enabled else "no"))
        facts.append(("allowed", ", ".join(found.allowed) or "all its models"))
    facts.append(("groups", ", ".join(found.groups) or "none"))
    return facts if found.there else [*facts, ("there", "not now; what is decided holds when it is")]


def _standing_document(found: Standing) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "target": found.target,
        "kind": "deployment" if found.model else "provider",
        "there": found.there,
        "policy": _overlay(found.own),
    }
    if found.model:
        shown["provider_policy"] = _overlay(found.provider)
    return shown | {
        "enabled": found.enabled,
        "allowed_models": list(found.allowed) or None,
        "groups": list(found.groups),
        "automatic": not found.automatic,
        "by_name": not found.by_name,
        "reason": found.automatic or None,
        "deployments": None if found.model else found.deployments,
    }


def _overlay(policy: Policy | None) -> dict[str, Any]:
    """Show one policy with where it comes from; nothing decided is `active` by default (4.3)."""
    if policy is None:
        return {"state": "active", "source": "default", "routable": None}
    known = {name: value for name, value in policy.as_dict().items() if name in _KEPT}
    return known | {"state": policy.effective_state, "source": "overlay"}


def _document(plan: Plan) -> dict[str, Any]:
    """Show the changes of a plan, unchanged targets included."""
    from llmpool.setup.policyfile import entry

    return {
        "changes": [
            {
                "target": target,
                "before": entry(target, before) if before else None,
                "after": entry(target, after) if after else None,
            }
            for target, before, after in plan.changes
        ]
    }


def _notes(terminal: Terminal, plan: Plan) -> None:
    for note in plan.notes:
        terminal.say(f"note: {note}")


def _lines(plan: Plan) -> list[str]:
    """Write what would change, a line each."""
    width = max((len(change.target) for change in plan.moved), default=0)
    lines = []
    for target, before, after in plan.moved:
        if after is not None and after.same_as(before):
            lines.append(f"{target:{width}}   {words(target, after)}, as it is")
        else:
            lines.append(f"{target:{width}}   {words(target, before)} -> {words(target, after)}")
    return lines


def _now(change: Change) -> str:
    if change.after is None:
        return f"{change.target}: nothing is decided about it any more"
    return f"{change.target}: {words(change.target, change.after)}"


def _undo(terminal: Terminal, plan: Plan) -> list[str]:
    """List the commands that make policies what they were."""
    from shlex import join

    from llmpool.setup.targets import is_there, literal

    fresh = [literal(c.target) for c in plan.moved if c.before is None]
    commands = [join(["llmpool", "policy", "clear", *fresh])] if fresh else []
    for target, before, after in plan.moved:
        if before is not None and not before.same_as(after):
            force = [] if is_there(terminal.pool, target) else ["--force"]
            meant = literal(target)
            again = join(["llmpool", "policy", "set", meant, *_options(before), *force])
            commands.append(again if after is None else f"llmpool policy clear {join([meant])} && {again}")
    return commands


def _options(policy: Policy) -> list[str]:
    """Write a policy as the options that decide it."""
    state = ["--state", policy.state] if policy.state else []
    routable = {True: ["--routable"], False: ["--no-routable"], None: []}[policy.routable]
    return [*state, *routable, *(["--reason", policy.reason] if policy.reason else [])]
