"""The documents of `models`."""

from __future__ import annotations

from llmpool.cli.documents.common import DEAD
from llmpool.cli.documents.registry import REGISTRY
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
from llmpool.core.deployment import CAPABILITIES

CAPABLE = table(
    {name: maybe(flag(f"whether it is made for {name}; null is unknown")) for name in CAPABILITIES},
    "what it can do",
)
RATINGS = table(
    {
        "quality": whole("0 to 10"),
        "speed": whole("0 to 10"),
        "cost_tier": whole("0 (free) to 3"),
        "min_complexity": text("the least it is for"),
    },
    "how good, fast and dear it is",
)
LISTED: Fields = {
    "id": text("provider/model"),
    "provider": text("the provider"),
    "model": text("its name there"),
    "location": text("local or cloud"),
    "source": text("config or discovered"),
    "routable": flag("whether it is chosen automatically"),
    "available": flag("whether it can answer now"),
    "unavailable_reason?": text("why it cannot"),
    "capabilities": CAPABLE,
    "context_window": maybe(whole("tokens; null is unknown")),
    "max_output": maybe(whole("tokens of an answer; null is unknown")),
    "ratings": RATINGS,
    "price": maybe(
        table(
            {
                "input": money("a million tokens in"),
                "output": money("a million tokens out"),
                "source": text("custom, plan, trial, book, listed, family, local or default"),
            },
            "what it costs; null is unknown",
        )
    ),
    "policy": table(
        {"state": text("its own: active, inactive or flagged"), "provider_state": text("its provider's")},
        "what was decided",
    ),
    "aliases?": texts("other names"),
    "default?": flag("whether it is the default model"),
    "last_resort?": flag("chosen only where nothing better may answer"),
    "stale_since?": time("since when its provider has not answered"),
}
OBSERVED = table(
    {
        "name": text("its name"),
        "kind": maybe(text("what it is")),
        "family": maybe(text("its family")),
        "families": texts("its families"),
        "publisher": maybe(text("who made it")),
        "compatibility_type": maybe(text("its file format")),
        "parameter_size": maybe(text("how large it is")),
        "quantization": maybe(text("how it is quantised")),
        "state": maybe(text("whether it is loaded")),
        "capabilities": CAPABLE,
        "context_window": maybe(whole("tokens; null is unknown")),
        "max_context": maybe(whole("the largest window; null is unknown")),
        "loaded_context": maybe(whole("the window it is loaded with")),
        "loaded_instance": maybe(text("the name it is loaded under")),
        "max_output": maybe(whole("tokens; null is unknown")),
        "size": maybe(whole("bytes; null is unknown")),
        "digest": maybe(text("its digest")),
        "remote": flag("whether its server passes it on to another one"),
        "input_price": maybe(text("USD a million tokens; null is unknown")),
        "output_price": maybe(text("USD a million tokens; null is unknown")),
    },
    "what its provider reported; null where it lists no such model",
)
FACTS = {
    "context_window": maybe(whole("tokens; null is unknown")),
    "max_output": maybe(whole("tokens; null is unknown")),
    "capabilities": CAPABLE,
}
PROBE: Fields = {
    "at": time("when"),
    "available": maybe(flag("whether it answered; null where that is not known")),
    "status": maybe(whole("the HTTP status; null without an answer")),
    "error": maybe(text("what was said")),
    "latency_ms": whole("how long it took"),
}
DECLARED = {
    "id": text("provider/model"),
    "quality?": maybe(whole("0 to 10")),
    "speed?": maybe(whole("0 to 10")),
    "cost_tier?": maybe(whole("0 to 3")),
    "min_complexity?": maybe(text("the least it is for")),
    "context_window?": {"type": ["integer", "string", "null"], "description": "tokens, as they are written"},
    "pull?": flag("whether it is kept pulled"),
    "aliases?": texts("other names"),
    "rate_limit?": maybe(by_name({}, "limits")),
}
SHOWN: Fields = LISTED | {
    "origin": by_name({"type": "string"}, "where each value comes from, by field"),
    "provenance": by_name(
        {"type": "object", "required": ["value", "from"]},
        "by field: the value, where it is from, and what others say of it",
    ),
    "observed": maybe(OBSERVED),
    "declared": maybe(
        table(
            DECLARED | {"supports?": anything("pairs of a capability and whether it has it")},
            "what the config says; null where it says nothing",
        )
    ),
    "catalog": maybe(table(FACTS, "what the catalog says")),
    "vendored": maybe(table(FACTS, "what came with llmpool")),
    "probe": maybe(table({"model": text("its name"), "capabilities": CAPABLE} | PROBE, "the last probe")),
    "benchmark?": anything("how it did in benchmarks; null where nobody has measured it"),
    "dead?": DEAD,
}
DOWNLOAD: Fields = {
    "id": text("provider/model"),
    "provider": text("the provider"),
    "model": text("its name there"),
    "state": text("waiting, running, done, failed, cancelled or interrupted"),
    "done": whole("bytes that are here"),
    "total": maybe(whole("bytes in all; null is unknown")),
    "share": maybe(number("from 0 to 1")),
    "since": time("when it began"),
    "attempts": whole("how often it was begun"),
    "pid": maybe(whole("the process that pulls")),
    "stopping": flag("whether it is being called off"),
    "error": maybe(text("what went wrong")),
    "error_kind": maybe(text("what kind of error that is")),
}
IN_MEMORY: Fields = {
    "id": text("provider/model"),
    "provider": text("the provider"),
    "model": text("its name there"),
    "state?": text("loaded, or on the way"),
    "instance": maybe(text("the name it is loaded under")),
    "context": maybe(whole("tokens of its window")),
    "size?": maybe(whole("bytes of memory")),
    "size_vram?": maybe(whole("of them on the GPU")),
    "until?": maybe(time("when it leaves")),
}
EMBEDDED: Fields = {
    "name?": text("the embedded model"),
    "pid?": whole("the process that runs it"),
    "port?": whole("where it listens"),
    "started_at?": time("when it was started"),
    "last_used?": time("when it was used last"),
}
RECONCILED: Fields = {
    "pulled": texts("what was fetched"),
    "removed": texts("what was deleted"),
    "failed": many(
        table({"id": text("provider/model"), "error": text("what went wrong")}), "what could not be done"
    ),
    "kept": texts("what was not deleted"),
    "busy": texts("what somebody else is at"),
}
DOCUMENTS: dict[str, Shape] = {
    "models-list": document(
        "llmpool models list --json", {"models": many(table(LISTED), "the deployments"), "dead?": DEAD}
    ),
    "models-list-registry": document("llmpool models list --registry --json", REGISTRY),
    "models-show": document("llmpool models show REF --json", {"model": table(SHOWN)}),
    "models-set": document(
        "llmpool models set REF --json",
        {
            "model": table(
                DECLARED
                | {
                    f"supports_{name}?": flag("whether it does")
                    for name in ("tools", "streaming", "images", "json", "thinking")
                },
                "what the config says now",
            ),
            "notes": texts("what is worth knowing"),
        },
    ),
    "models-pull": document(
        "llmpool models pull --json, with REF and without",
        {
            "model": table(
                {
                    "id": text("provider/model"),
                    "size": maybe(whole("bytes")),
                    "sha256": maybe(text("its digest")),
                    "licence": maybe(text("its licence")),
                    "present": flag("whether it was there already"),
                    "remote": flag("whether its server passes it on to another one"),
                }
            )
        },
        RECONCILED,
    ),
    "models-pull-list": document(
        "llmpool models pull --list --json, and --cancel",
        {"downloads": many(table(DOWNLOAD), "each provider's pull")},
    ),
    "models-load": document(
        "llmpool models load REF --json",
        {
            "model": table(
                IN_MEMORY
                | {
                    "changed": flag("whether it had to be loaded"),
                    "seconds": number("how long that took"),
                    "previous_context": maybe(whole("the window it had before")),
                }
            )
        },
    ),
    "models-ps": document(
        "llmpool models ps --json",
        {
            "models": many(table(IN_MEMORY | EMBEDDED), "what is in memory"),
            "errors": many(
                table(
                    {
                        "provider": text("the provider"),
                        "kind": text("what went wrong"),
                        "message": text("what was said"),
                        "optional": flag("whether it may be away"),
                    }
                ),
                "who did not answer",
            ),
            "skipped": many(
                table({"provider": text("the provider"), "reason": text("why")}), "who was not asked"
            ),
        },
    ),
    "models-probe": document(
        "llmpool models probe --json",
        {
            "models": many(
                table(
                    {
                        "id": text("provider/model"),
                        "provider": text("the provider"),
                        "model": text("its name"),
                    }
                    | PROBE
                    | {
                        "capabilities": table(
                            {
                                name: maybe(flag("whether it can; null where that was not tried"))
                                for name in ("tools", "json", "images")
                            },
                            "what it can do",
                        )
                    }
                ),
                "who was asked",
            ),
            "unasked": many(
                table(
                    {
                        "provider": text("the provider"),
                        "kind": text("what went wrong"),
                        "message": text("what was said"),
                        "models": whole("how many of its models"),
                    }
                ),
                "who was not asked any more",
            ),
            "skipped": many(
                table({"id": text("provider"), "reason": text("why")}), "who has nothing to be asked"
            ),
        },
    ),
}
