"""Tables that several documents have: decisions, attempts, usage records, prices, policies, budgets."""

from __future__ import annotations

from llmpool.cli.documents.shape import (
    Fields,
    anything,
    by_name,
    flag,
    many,
    maybe,
    money,
    number,
    one_of,
    table,
    text,
    texts,
    time,
    whole,
)

COMPLEXITY = one_of("how hard the prompt looks", "simple", "moderate", "complex")
HITS = many(
    table({"rule": text("the name of the rule"), "points": whole("what it adds or takes")}),
    "the rules that applied",
)
CANDIDATES = many(
    table(
        {
            "deployment": text("provider/model"),
            "score": number("what the strategy ranks by; with the strategy score the sum of the points"),
            "hits": HITS,
            "last_resort?": flag("chosen only where nothing better may answer"),
        }
    ),
    "who may answer, the best first",
)
REJECTIONS = many(
    table(
        {
            "deployment": text("provider/model"),
            "reasons": texts("why it may not answer"),
            "needed?": whole("tokens that the request needs"),
            "window?": whole("tokens that fit"),
        }
    ),
    "who may not answer, and why",
)
REQUEST = table(
    {
        "query_length": whole("bytes of the prompt in UTF-8; the prompt itself is never kept"),
        "context_size": whole("tokens, estimated where nobody said"),
        "needs": texts("capabilities that the model must have"),
        "tool_count": whole("tools that come along"),
        "priority": text("interactive or background"),
        "hints": by_name({"type": "string"}, "wishes that move points"),
        "model": text("what was asked for; empty where nobody was"),
        "stated": flag("whether the context size was given"),
        "strategy?": text("the strategy that was asked for"),
        "mode?": text("the mode that was asked for"),
        "profile?": text("the profile"),
        "group?": text("the group it stays in"),
        "local_only?": flag("only local ones"),
        "min_quality?": whole("the least quality"),
        "max_cost?": money("what it may cost at worst"),
        "max_tokens?": whole("the longest answer"),
        "quality_target?": number("how good is good enough, 0 to 1"),
        "exclude?": texts("who is left out"),
        "prefer?": text("the provider to ask first"),
        "fallback?": flag("whether others may answer for the one that was asked for"),
        "loose?": flag("whether names that resemble it count"),
        "force?": flag("whether unlisted names are called"),
        "tag?": text("the tag of the usage record"),
        "continues?": text("the deployment that has answered in this conversation"),
        "warm?": flag("whether that one has its prompt cache"),
    },
    "the features of the request",
)
ATTEMPTS = many(
    table(
        {
            "deployment": text("provider/model"),
            "key": text("the label of the key, or none"),
            "latency_ms": whole("how long it took"),
            "ok": flag("whether it answered"),
            "kind?": text(
                "what went wrong: auth, quota, rate_limit, overloaded, server, connect, timeout, ..."
            ),
            "status?": maybe(whole("the HTTP status; null without an answer")),
            "message?": text("what was said"),
            "reason?": text("the kind in the words of the vendors' clients"),
            "next?": text("who was asked then"),
            "output_tokens?": whole("tokens of an answer that broke off and is lost"),
            "estimated?": flag("whether that count is an estimate"),
        }
    ),
    "the calls that were made, in their order",
)
OUTCOME = table(
    {
        "success": flag("whether somebody answered"),
        "served_by": text("who answered; else who was asked last"),
        "attempts": ATTEMPTS,
        "latency_ms": whole("how long all of it took"),
        "ttft_ms": maybe(whole("until the first token")),
        "tokens": whole("tokens in and out"),
        "input_tokens?": whole("tokens of the prompt"),
        "output_tokens?": whole("tokens of the answer"),
        "cache_read_tokens?": whole("tokens of the prompt that were read from a cache"),
        "cache_write_tokens?": whole("tokens of the prompt that were written into one"),
        "cache_write_1h_tokens?": whole("those of them that are kept for an hour"),
        "reasoning_tokens?": whole("tokens of the answer that were thinking"),
        "usage_id?": text("the usage record"),
    },
    "how it ended; absent while it runs, and where nothing was called",
)
DECIDED: Fields = {
    "id": text("its name, for route --id"),
    "at": time("when"),
    "selected": maybe(text("the deployment that was chosen; null when nothing is eligible")),
    "model?": maybe(text("its model")),
    "provider?": maybe(text("its provider")),
    "strategy": text("how they were ranked"),
    "mode": text("auto, cloud or local"),
    "complexity": COMPLEXITY,
    "difficulty?": maybe(number("how hard the prompt is, 0 to 1; null where it was not judged")),
    "difficulty_from?": many(
        table({"name": text("what it was"), "points": number("by how much")}, "what moved it"),
        "what made it so; of a decision made just now, as far as it was judged",
    ),
    "intent": text("what the prompt is about"),
    "candidates": CANDIDATES,
    "candidates_total": whole("how many there are; candidates has the best of them"),
    "rejections": REJECTIONS,
    "rejections_total?": whole("how many there are"),
    "rejected_for?": many(
        table({"reasons": texts("why"), "count": whole("how many")}),
        "all of them by their reasons, the commonest first; absent where rejections has them all",
    ),
    "reasoning": text("the decision in one sentence"),
    "no_eligible": flag("whether nothing is eligible"),
    "generation": whole("the registry that it was decided by"),
    "request": REQUEST,
    "once?": flag("true where who is chosen rests, and is tried once all the same"),
    "notes?": texts("what is worth knowing beside it"),
}
DECISION = table(DECIDED, "the decision")
RECORDED = table(DECIDED | {"outcome?": OUTCOME}, "the decision, and how it ended")

TOKENS: Fields = {
    "cache_read_tokens": maybe(whole("of them from the cache; null where nobody said")),
    "cache_write_tokens": maybe(whole("of them into the cache")),
    "reasoning_tokens": maybe(whole("of the output, for thinking")),
}
RECORD: Fields = {
    "id": text("its name"),
    "at": time("when"),
    "provider": text("the provider"),
    "model": text("its model"),
    "deployment": text("provider/model"),
    "success": flag("whether it answered"),
    "input_tokens?": whole("tokens of the prompt, the cached ones included"),
    "output_tokens?": whole("tokens of the answer"),
    **{f"{name}?": shape for name, shape in TOKENS.items()},
    "cache_write_1h_tokens?": maybe(whole("of them into the cache for an hour")),
    "estimated?": flag("whether the counts are estimates"),
    "request_count?": whole("how many requests it stands for"),
    "latency_ms?": whole("how long it took"),
    "ttft_ms?": whole("until the first token"),
    "key?": text("the label of the key"),
    "requested?": text("what was asked for"),
    "selected?": text("what routing chose"),
    "complexity?": text("how hard the prompt looked"),
    "decision_id?": text("the decision"),
    "reason?": text("why another answered than was asked for"),
    "attempts?": whole("how many calls it took"),
    "tag?": text("the tag"),
    "session?": text("the conversation"),
    "error?": maybe(text("what went wrong")),
    "cost": maybe(money("what it cost; null where no price is known")),
    "cost_original?": maybe(money("what it cost before usage reprice")),
    "price_source_original?": text("which price said so before usage reprice"),
    "lost_tokens?": whole("tokens of answers that broke off, estimated"),
    "lost_cost?": money("what those cost, part of the cost"),
    "price_source?": text("which price says so"),
    "price_dated?": text("from when that price is"),
}
RATES: Fields = {
    "input": maybe(money("a million tokens in")),
    "output": maybe(money("a million tokens out; null where that is unknown, as for embeddings")),
    "cache_read?": money("a million tokens from the cache"),
    "cache_write?": money("a million tokens into the cache"),
    "cache_write_1h?": money("a million tokens into the cache for an hour"),
    "per_request?": money("each request"),
    "other?": by_name({"type": "string"}, "what is counted in other units"),
}
TIERS = many(table({"above": whole("from so many tokens of input on")} | RATES), "prices of longer prompts")
PRICE = table(
    RATES
    | {
        "source": text("custom, plan, trial, book, listed, family, local or default"),
        "matched": maybe(text("the entry that says so")),
        "version": maybe(text("the version of the data, or when it was set")),
        "tiers?": TIERS,
        "valid_from?": maybe(text("the day from which it holds")),
        "steps?": many(
            table({"from": maybe(text("the day from which it holds")), "tiers?": TIERS} | RATES),
            "what it was before and will be",
        ),
    },
    "the price",
)
OWN_POLICY: Fields = {
    "target": text("a provider, or provider/model"),
    "state": maybe(text("active, inactive or flagged; null where nothing is said")),
    "routable": maybe(flag("whether it is chosen automatically; null where nothing is said")),
    "reason": text("why"),
    "updated_at": time("when"),
}
CHANGES = many(
    table(
        {
            "target": text("what is changed"),
            "before": maybe(table(OWN_POLICY, "what was decided; null where nothing was")),
            "after": maybe(table(OWN_POLICY, "what is decided now; null where nothing is")),
        }
    ),
    "what changes",
)
BUDGET: Fields = {
    "name": text("its name"),
    "limit": money("how much may be spent"),
    "per": one_of("in which time", "day", "week", "month", "total"),
    "scope": text("*, a provider, a deployment, or a key as provider:label"),
    "tag": maybe(text("only calls with this tag")),
    "on_exceed": one_of("what happens at the limit", "deny", "local", "warn"),
}
SPENT: Fields = BUDGET | {
    "spent": money("what is spent"),
    "reserved": money("what calls under way may cost"),
    "left": money("what is left"),
    "since": maybe(time("when the period began")),
    "resets_at": maybe(time("when the next one begins; null where none does")),
}
DEAD = many(
    table(
        {
            "name": text("the name"),
            "role": text("alias, default_model, recovery_model or fallback"),
            "target": text("what it stands for"),
            "nearest": text("what resembles that; empty where nothing does"),
        }
    ),
    "names in the config for what is not there any more",
)
ERROR: Fields = {
    "exit": whole("the exit code"),
    "kind": text("what it is about: usage, unknown_name, config, credentials, no_eligible, all_failed, ..."),
    "message": text("the thing and the fact"),
    "hint": text("the way out; may be empty"),
    "retry_at?": maybe(time("when to try again")),
    "candidates?": texts("what may have been meant"),
    "rejections?": REJECTIONS,
    "attempts?": ATTEMPTS,
    "budgets?": many(table(SPENT), "the budgets that refuse it"),
    "costs_at_least?": money("what the cheapest of those may cost that they refuse"),
    "problems?": many(
        anything("a text, or a table with file, line, key, message and suggestion"), "the mistakes"
    ),
    "code?": text("a code, where there is one"),
    "reason?": text("why, where a code says it"),
    "unasked?": many({}, "providers that were not asked any more"),
    "skipped?": many({}, "who has nothing to be asked"),
    "holder?": table({"pid": whole("the process"), "since": time("since when")}, "who is at it"),
}
