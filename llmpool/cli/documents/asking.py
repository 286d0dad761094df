"""The documents of `chat` and `route`."""

from __future__ import annotations

from llmpool.cli.documents.common import ATTEMPTS, DECISION, ERROR, RECORD, RECORDED, TOKENS
from llmpool.cli.documents.shape import (
    Fields,
    Shape,
    anything,
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

TOOL_CALLS = many(
    table(
        {
            "id": text("its name in the conversation"),
            "name": text("the tool"),
            "arguments": text("its arguments, as the model wrote them: mostly JSON"),
        }
    ),
    "what the model wants to have called",
)
ANSWER: Fields = {
    "text": text("the answer"),
    "thinking?": text("what the model thought"),
    "tool_calls?": TOOL_CALLS,
    "requested": text("what was asked for, or chosen"),
    "served_by": text("who answered, as provider/model"),
    "reason?": text("why that is not what was asked for"),
    "finish": text("why it ended: stop, length, tools, content, ..."),
    "usage": table(
        {
            "input_tokens": whole("tokens of the prompt, the cached ones included"),
            "output_tokens": whole("tokens of the answer"),
            **TOKENS,
            "estimated?": flag("whether the counts are estimates"),
        },
        "what was used",
    ),
    "cost": maybe(money("what it cost; null where no price is known")),
    "ttft_ms": maybe(whole("until the first token")),
    "latency_ms": whole("how long it took"),
    "attempts": ATTEMPTS,
    "decision_id": maybe(text("the decision, for route --id; null where it could not be recorded")),
    "usage_id": maybe(text("the usage record; null where it could not be written")),
    "warnings?": texts("what is odd about the answer"),
}
PREVIEW: Fields = {
    "dry_run": flag("true"),
    "plan": texts("who would be asked, in this order"),
    "cost": table(
        {
            "prompt": maybe(money("what the prompt costs")),
            "worst": maybe(money("what it may cost at most; null where nothing limits the answer")),
            "with_1000_output_tokens?": maybe(money("what it costs with an answer of 1,000 tokens")),
        },
        "what it would cost; null where no price is known",
    ),
    "decision": DECISION,
}
LINE: Fields = {
    "line": whole("the line of the batch"),
    "key": text("what tells its prompt from others"),
    "id?": anything("the id that the line gave"),
}
BATCH_PREVIEW: Fields = {
    "dry_run": flag("true"),
    "prompts": whole("how many prompts"),
    "answered": whole("how many of them are answered already"),
    "deployments": many(
        table(
            {
                "deployment": text("who would be asked"),
                "prompts": whole("how many of them"),
                "input_tokens": whole("tokens of these prompts"),
                "cost_of_prompts": maybe(money("what they cost")),
                "cost_at_most": maybe(money("what they may cost with their answers")),
            }
        ),
        "who would be asked for how much",
    ),
    "faults": many(
        table({"line": whole("the line"), "error": table(ERROR, "what is wrong")}),
        "lines that nobody can answer",
    ),
}
SESSIONS = many(
    table(
        {
            "name": text("its name"),
            "turns": whole("prompts and answers in it"),
            "updated_at": text("when it grew last, RFC 3339 in UTC; empty where nobody knows"),
            "deployment": text("who answered last"),
            "first": text("how its first question begins"),
        }
    ),
    "the conversations that are kept",
)
TURNS = many(
    table(
        {
            "at": time("when"),
            "role": text("system, user or assistant"),
            "text": text("what was said"),
            "deployment?": text("who answered"),
            "images?": many({}, "pictures that came along"),
            "partial?": flag("whether the answer broke off"),
        }
    ),
    "what was said, in its order",
)
_SESSION: Fields = {"session": text("its name"), "turns": TURNS}
_THEN = {"then": RECORDED, "now": maybe(DECISION)}
_PLACES = {
    "state": text("candidate, rejected, not there or gone"),
    "place?": whole("its place"),
    "score?": number("its score"),
}
_CHANGE = {"total": whole("how many"), "deployments": texts("some of them")}
DIFFERENCES = table(
    {
        "same": flag("whether the same one is chosen"),
        "selected": table(
            {"then": maybe(text("chosen then")), "now": maybe(text("chosen now"))}, "who is chosen"
        ),
        "generation": table({"then": whole("then"), "now": whole("now")}, "the registry"),
        "winners": many(
            table(
                {
                    "deployment": text("provider/model"),
                    "then": table(_PLACES, "where it stood"),
                    "now": table(_PLACES, "where it stands"),
                }
            ),
            "who was chosen then or is now",
        ),
        "rules": many(
            table(
                {
                    "deployment": text("provider/model"),
                    "rule": text("the rule"),
                    "then": whole("its points then"),
                    "now": whole("its points now"),
                }
            ),
            "rules that give other points",
        ),
        "came": maybe(table(_CHANGE, "who may answer now")),
        "went": maybe(table(_CHANGE, "who may answer no more")),
    },
    "what differs",
)
LINE_ERROR = table(
    {
        "exit": whole("the exit code"),
        "kind": text("what it is about"),
        "message": text("what is wrong"),
        "hint": text("the way out"),
    },
    "why the line was not decided",
)

DOCUMENTS: dict[str, Shape] = {
    "chat": document("llmpool chat --json", ANSWER, PREVIEW),
    "chat-batch": document(
        "a line of llmpool chat --batch FILE; with --dry-run --json what it would come to",
        LINE | ANSWER,
        LINE | {"error": table(ERROR, "why it has no answer")},
        BATCH_PREVIEW,
    ),
    "chat-list": document("llmpool chat --list --json", {"sessions": SESSIONS}),
    "chat-show": document("llmpool chat --show NAME --json", _SESSION),
    "chat-export": document("llmpool chat --export NAME --json", _SESSION),
    "route": document(
        "llmpool route --json; with --last and --id a recorded decision and its usage record",
        {
            "decision": RECORDED,
            "usage?": maybe(table(RECORD, "the usage record; null where there is none")),
        },
    ),
    "route-replay": document(
        "llmpool route --replay ID --json",
        _THEN
        | {
            "differences?": maybe(DIFFERENCES),
            "refused?": table(
                {
                    "exit": whole("the exit code"),
                    "kind": text("what it is about"),
                    "message": text("why"),
                    "hint": text("the way out"),
                    "candidates?": texts("who may be meant"),
                },
                "why there is no decision today",
            ),
        },
    ),
    "route-batch": document(
        "a line of llmpool route --batch FILE --json",
        {"line?": whole("the line"), "decision": DECISION},
        {"line": whole("the line"), "error": LINE_ERROR},
    ),
}
