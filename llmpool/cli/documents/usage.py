"""The documents of `usage`."""

from __future__ import annotations

from llmpool.cli.documents.common import PRICE, RATES, RECORD, RECORDED, SPENT
from llmpool.cli.documents.shape import (
    Fields,
    Shape,
    anything,
    by_name,
    document,
    flag,
    many,
    maybe,
    money,
    number,
    table,
    text,
    texts,
    time,
    whole,
)

BAD_LINES = whole("lines that could not be read")
COUNT = {"type": "integer"}
LEFT: Fields = {
    "records": whole("how many"),
    "bad_lines": BAD_LINES,
    "pruned_days": whole("days whose records are gone"),
}
TAKEN: Fields = {
    "taken": whole("records that were taken in"),
    "skipped": whole("records that were there already"),
    "pruned": by_name(COUNT, "records of days that are pruned, by day"),
    "broken": whole("lines that are no records"),
    "reasons": by_name(COUNT, "why, and how many"),
    "broken_lines": many(
        table({"file": text("the file"), "place": text("where in it"), "reason": text("why")}),
        "the first of them",
    ),
    "days": by_name(COUNT, "records that were taken in, by day"),
}
_MILLISECONDS = {
    "avg": "on average",
    "min": "at least",
    "max": "at most",
    "p50": "for half of them at most",
    "p95": "for 95 of 100 at most",
    "p99": "for 99 of 100 at most",
}
GROUP: Fields = {
    "group": text("what they have in common; total for all"),
    "keys": by_name({"type": "string"}, "that by name"),
    "requests": whole("how many"),
    "successful": whole("how many were answered"),
    "failed": whole("how many were not"),
    "success_rate": maybe(number("from 0 to 1")),
    **{
        f"{name}_tokens": maybe(whole(about))
        for name, about in {
            "input": "tokens in, the cached ones included",
            "output": "tokens out",
            "cache_read": "of the input, from the cache",
            "cache_write": "of the input, into the cache",
            "cache_write_1h": "of the input, into the cache for an hour",
            "reasoning": "of the output, for thinking",
        }.items()
    },
    "cost": maybe(money("what they cost; null where none has a price")),
    "unpriced": whole("how many have no price, and are not in cost"),
    "estimated": whole("how many have estimated counts"),
    **{
        f"{name}_latency_ms": maybe(whole(f"how long they took, {told}"))
        for name, told in _MILLISECONDS.items()
    },
    **{
        f"{name}_ttft_ms": maybe(whole(f"until the first token, {told}"))
        for name, told in _MILLISECONDS.items()
    },
    "tokens_per_second": maybe(number("how fast answers came")),
    "failovers": whole("how many were answered by another than was chosen"),
    "failover_rate": maybe(number("from 0 to 1")),
    "best_cost": maybe(money("what the best model would have cost")),
}
TOTALS = {
    "total_requests": "how many",
    "success_count": "how many were answered",
    "failure_count": "how many not",
}
STATS = table(
    {name: whole(told) for name, told in TOTALS.items()}
    | {
        "avg_latency_ms": whole("how long they took on average"),
        "complexity_counts": by_name(COUNT, "how many of each complexity"),
        "deployment_counts": by_name(COUNT, "how many of each deployment"),
        "provider_counts": by_name(COUNT, "how many of each provider"),
        "deployment_stats": by_name(
            table(
                {
                    "provider": text("its provider"),
                    "model": text("its model"),
                    "requests": whole("how many"),
                    "successes": whole("how many were answered"),
                    "failures": whole("how many not"),
                    "avg_latency_ms": whole("how long they took on average"),
                    "avg_tokens": whole("tokens on average"),
                    "complexity_counts": by_name(COUNT, "how many of each complexity"),
                }
            ),
            "each deployment",
        ),
        "cooldowns": by_name(
            table({"cooldown_until": time("until when"), "cooldown_reason": text("after what")}),
            "who rests, by scope",
        ),
        "experience": by_name(
            table(
                {
                    "successes": whole("answers"),
                    "failures": whole("failures"),
                    "avg_latency_ms": whole("how long they took on average"),
                    "avg_tokens": whole("tokens on average"),
                }
            ),
            "what is remembered of each deployment beyond these days",
        ),
    },
    "what the router counts; with --by deployment",
)
REPRICED: Fields = {
    "old": maybe(money("what they cost")),
    "new": maybe(money("what they would cost today")),
    "difference": maybe(money("the difference")),
    "records": whole("how many"),
    "changed": whole("how many would change"),
    "unpriced": whole("how many have no price"),
    "unknown": whole("how many had no cost"),
    "kept": whole("how many stay as they are"),
}
SPAN: Fields = {"since": time("from"), "until": time("to")}
MOVE = table(
    {
        "model": text("its name"),
        "field": text("what changed"),
        "was": anything("what it was; null is unknown"),
        "now": anything("what it is; null is unknown"),
    }
)
CHANGES = many(
    table(
        {
            "provider": text("the provider"),
            "added": texts("models that are new"),
            "gone": texts("models that are gone"),
            "changed": many(MOVE, "models that are otherwise"),
            "repriced": many(MOVE, "models that cost otherwise"),
            "loaded": texts("models that are in memory now"),
            "unloaded": texts("models that are in memory no more"),
            "failed": text("what went wrong, for the first time; else empty"),
            "recovered": flag("whether it answers again"),
        }
    ),
    "what changed, by provider",
)
PRICES_NEWS: Fields = {
    "status": text("updated, unchanged or failed"),
    "source_url": text("where it is from"),
    "error": maybe(text("what went wrong")),
    "version": text("the version that is in force"),
    "models": whole("how many models it has"),
    "changes": CHANGES,
}
SET_PRICE: Fields = {
    "target": maybe(text("a deployment, a model or a pattern; null for the default")),
    "default": flag("whether it is for all that has no price"),
    "price": table(RATES, "the price"),
    "deployments": texts("for whom it counts"),
}
OWN: Fields = {"set_at": time("when it was set"), **RATES}

DOCUMENTS: dict[str, Shape] = {
    "usage-summary": document(
        "llmpool usage summary --json",
        SPAN
        | {
            "by": text("what the groups have in common"),
            "filters": by_name({}, "what was left out"),
            "total": table(GROUP, "all of it"),
            "today": maybe(table(GROUP, "today, where all of it is in the span")),
            "groups": many(table(GROUP), "the groups"),
            "best": maybe(
                table(
                    {"deployment": text("provider/model"), "quality": whole("0 to 10")},
                    "the best with a price",
                )
            ),
            "budgets": many(table(SPENT), "the budgets"),
            "bad_lines": BAD_LINES,
            "whole_days": texts("days that are counted whole, for their records are gone"),
            "lost_days": texts("days that are not counted, for their records are gone"),
            "stats?": STATS,
        },
    ),
    "usage-list": document(
        "llmpool usage list --json",
        {"records": many(table(RECORD), "the records, the newest first"), "bad_lines": BAD_LINES},
    ),
    "usage-decisions": document(
        "llmpool usage decisions --json",
        {"decisions": many(RECORDED, "the decisions, the newest first"), "bad_lines": BAD_LINES},
    ),
    "usage-prune": document(
        "llmpool usage prune --json",
        {
            "before": maybe(text("days before this one; null where everything is kept")),
            "days": texts("the days"),
            "usage_files": whole("files of records"),
            "decision_files": whole("files of decisions"),
            "bytes": whole("what they took"),
            "dry_run": flag("whether nothing was removed"),
        },
    ),
    "usage-reprice": document(
        "llmpool usage reprice --json",
        SPAN
        | REPRICED
        | {
            "bad_lines": BAD_LINES,
            "applied": maybe(whole("how many were changed; null without --apply")),
            "models": many(table({"deployment": text("provider/model"), **REPRICED}), "each deployment"),
        },
    ),
    "usage-export": document(
        "llmpool usage export -o FILE --json",
        {
            "file": text("what was written"),
            "format": text("jsonl, csv or otlp"),
        }
        | LEFT,
    ),
    "usage-import": document(
        "llmpool usage import --json",
        {
            "dry_run": flag("whether nothing was written"),
            "files": whole("files that were read"),
        }
        | TAKEN,
    ),
    "usage-prices-list": document(
        "llmpool usage prices list --json",
        {
            "prices": many(
                table({"deployment": text("provider/model"), "price": maybe(PRICE)}), "each deployment"
            ),
            "unpriced": whole("how many have no price"),
            "book": table(
                {
                    "version": text("its version"),
                    "source_url": maybe(text("where it is from; null: it came with llmpool")),
                    "last_updated_at": maybe(time("when it was fetched")),
                },
                "the price book",
            ),
        },
    ),
    "usage-prices-list-own": document(
        "llmpool usage prices list --own --json",
        {
            "custom": many(table({"target": text("for what")} | OWN), "the prices that you set"),
            "default": maybe(table(OWN, "your price for all that has none")),
        },
    ),
    "usage-prices-show": document(
        "llmpool usage prices show REF --json",
        {
            "deployment": text("provider/model, or a model that nobody lists"),
            "price": maybe(PRICE),
            "without_own": maybe(PRICE | {"description": "what it would cost without your price"}),
        },
    ),
    "usage-prices-set": document("llmpool usage prices set --json", SET_PRICE),
    "usage-prices-unset": document(
        "llmpool usage prices unset --json", {"unset": many(table(SET_PRICE), "what was taken back")}
    ),
    "usage-prices-update": document("llmpool usage prices update --json", PRICES_NEWS),
}
