"""`llmpool providers limits`: balances, quotas, rate headroom and when they start anew."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option
from llmpool.cli.options import JsonFlag
from llmpool.errors import Exit

if TYPE_CHECKING:
    from llmpool.discovery.limits import Line, Report, Window
    from llmpool.state.accounts import Account
    from llmpool.state.quotas import Quota

EXAMPLES = (
    "llmpool providers limits",
    "llmpool providers limits openrouter --refresh",
    "llmpool providers limits --json | jq '.limits[] | {provider, items}'",
)
"""Of `limits`, for whoever registers it."""

_WORDS = {"input_tokens": "input tokens", "output_tokens": "output tokens"}


def limits(
    ctx: Context,
    provider: Annotated[
        str,
        Argument(metavar="[PROVIDER]", autocompletion="providers", help="Only this one.", show_default=False),
    ] = "",
    refresh: Annotated[
        bool, Option("--refresh", help="Ask again, however fresh the last answer is.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Show balances and credits, rate limits and when they start anew.

    OpenRouter, DeepSeek, Moonshot and SiliconFlow are asked for the account, at most every two minutes; for
    tier and quotas of accounts that were logged in to, Copilot and Cloud Code, at most every five.
    Rate limits are those of the config, and what the last answers said.
    """
    from llmpool.cli.progress import Progress
    from llmpool.decide import nothing_configured
    from llmpool.discovery.limits import survey

    terminal: Terminal = ctx.obj
    if not terminal.pool.routing["providers"]:
        raise nothing_configured(terminal.pool)
    with Progress(terminal) as progress:
        report = survey(
            terminal.pool,
            provider,
            refresh=refresh,
            heard=lambda account: progress.line(f"  {account.provider} has answered"),
        )
    if as_json:
        terminal.json(document(report), entries="limits")
    else:
        _show(terminal, report)
    return Exit.PARTLY if report.failed else Exit.OK


def document(report: "Report") -> dict[str, Any]:
    """Write the document of `--json`."""
    return {"limits": [_entry(line) for line in report.lines], "failed": list(report.failed)}


def _entry(line: "Line") -> dict[str, Any]:
    from llmpool.core.times import rfc3339

    told = line.account
    entry: dict[str, Any] = {
        "provider": line.provider,
        "key": line.key or None,
        "kind": told.kind if told else None,
        "primary": (told.primary or None) if told else None,
        "items": [
            {"key": item.key, "value": item.value, "currency": item.currency or None}
            for item in (told.items if told else ())
        ],
        "windows": [_window_entry(window) for window in line.windows],
        "fetched_at": rfc3339(told.at) if told else None,
    }
    if told and told.error:
        entry["error"] = {"code": told.error, "message": told.message}
    return entry | _quota_entry(line.quota) if line.quota else entry


def _quota_entry(quota: "Quota") -> dict[str, Any]:
    """Add what an OAuth account may use."""
    from llmpool.core.times import rfc3339

    entry: dict[str, Any] = {
        "provider_type": quota.type or None,
        "tier": quota.tier or None,
        "tier_name": quota.tier_name or None,
        "model_quotas": [
            {
                "model": model.model,
                "remaining_percent": model.remaining_percent,
                "reset_time": model.reset_time or None,
            }
            for model in quota.models
        ],
        "fetched_at": rfc3339(quota.at),
    }
    return entry | ({"error": {"code": quota.error, "message": quota.message}} if quota.error else {})


def _window_entry(window: "Window") -> dict[str, Any]:
    from llmpool.core.times import rfc3339, rfc3339_ms

    entry: dict[str, Any] = {
        "what": window.what,
        "per": window.per or None,
        "limit": window.limit,
        "remaining": window.remaining,
        "resets_at": None if window.resets_at is None else rfc3339_ms(window.resets_at),
        "source": window.source,
        "seen_at": None if window.seen_at is None else rfc3339(window.seen_at),
    }
    if window.model:
        entry["model"] = window.model
    if window.zone:
        entry["reset_tz"] = window.zone
    return entry


def _show(terminal: Terminal, report: "Report") -> None:
    from llmpool.cli.tables import show

    rows = [row for line in report.lines for row in _rows(terminal, line)]
    if rows:
        with terminal.paged():
            show(terminal, ["provider", "~key", "what", ">left", ">of", "~resets", ""], rows)
    else:
        terminal.say("no limits are known; what answers tell of them is shown after the first chat")


def _rows(terminal: Terminal, line: "Line") -> list[list[str]]:
    """Write the rows of one key: its account, then each of its windows."""
    head = [line.provider, line.name or line.key or "all"]
    account = [_account_row(terminal, head, line.account)] if line.account else []
    account += _quota_rows(terminal, head, line.quota) if line.quota else []
    return account + [_window_row(terminal, head, window) for window in line.windows]


def _account_row(terminal: Terminal, head: list[str], told: "Account") -> list[str]:
    from llmpool.core.times import rfc3339

    if told.error:
        return [*head, "account", "?", "", "", told.message]
    amounts = {item.key: f"{item.value} {item.currency}".rstrip() for item in told.items}
    left, most = amounts.pop(told.primary, ""), amounts.pop("limit", "")
    more = ", ".join(f"{name.replace('_', ' ')} {amount}" for name, amount in amounts.items())
    source = f"asked {terminal.when(rfc3339(told.at))}"
    return [*head, told.kind, left or "no limit", most, "", f"{more}; {source}" if more else source]


def _quota_rows(terminal: Terminal, head: list[str], quota: "Quota") -> list[list[str]]:
    from llmpool.core.times import rfc3339

    source = f"asked {terminal.when(rfc3339(quota.at))}"
    told = f"{quota.message}; {source}" if quota.error else source
    tier = [*head, "tier", quota.tier_name or quota.tier or "?", "", "", told]
    return [tier] + [
        [*head, f"quota of {each.model}", f"{each.remaining_percent} %", "100 %", each.reset_time, ""]
        for each in quota.models
    ]


def _window_row(terminal: Terminal, head: list[str], window: "Window") -> list[str]:
    from llmpool.core.times import rfc3339

    now = terminal.pool.clock()
    over = window.resets_at is not None and window.resets_at <= now
    left = window.limit if over and window.limit is not None else window.remaining
    what = (
        _WORDS.get(window.what, window.what)
        + _per(window.per)
        + (f" of {window.model}" if window.model else "")
    )
    source = "config" if window.seen_at is None else f"seen {terminal.when(rfc3339(window.seen_at))}"
    zone = f" (midnight {window.zone})" if window.zone else ""
    return [
        *head,
        what,
        _figure(left),
        _figure(window.limit),
        _resets(terminal, window.resets_at, now) + zone,
        source,
    ]


def _per(per: str) -> str:
    return f" per {per}" if " " in per else f" a{'n' if per == 'hour' else ''} {per}" if per else ""


def _figure(number: int | None) -> str:
    return "?" if number is None else f"{number:,}"


def _resets(terminal: Terminal, at: float | None, now: float) -> str:
    """Say when an allowance starts anew: how long that is for a person, the instant for a script."""
    from llmpool.core.times import rfc3339

    if at is None:
        return ""
    told = terminal.until(rfc3339(at))
    return told if at > now or not told.startswith("in ") else "has reset"
