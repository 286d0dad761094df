"""What is counted of an answer: its server's word, and an estimate for what that leaves out."""

from __future__ import annotations

import pytest

from llmpool.core.chat import ChatRequest, Image, Message
from llmpool.core.outcome import TokenUsage
from llmpool.usage.cost import counted

REQUEST = ChatRequest(messages=(Message(role="user", text="x" * 400),))  # 100 tokens, estimated


@pytest.mark.parametrize(
    ("told", "success", "found"),
    [
        (TokenUsage(input=7, output=2), True, (7, 2, False)),
        (
            TokenUsage(input=7, output=2),
            False,
            (7, 10, True),
        ),  # it broke off, and was counted at its beginning
        (TokenUsage(input=7, output=20), False, (7, 20, False)),
        (TokenUsage(input=0, output=0), True, (100, 10, True)),  # so do servers that count nothing
        (TokenUsage(output=2), True, (100, 2, True)),
        (TokenUsage(input=7), True, (7, 10, True)),
        (None, False, (100, 10, True)),
    ],
)
def test_an_estimate_fills_what_no_server_counted(
    told: TokenUsage | None, success: bool, found: tuple[int, int, bool]
) -> None:
    """Nothing that was sent or came costs nothing for want of a count, and an estimate says so."""
    usage = counted(told, REQUEST, "y" * 40, success=success)
    assert (usage.input, usage.output, usage.estimated) == found


def test_what_never_came_costs_nothing() -> None:
    """A call that failed before anything came has no usage, one that was counted has that."""
    assert counted(None, REQUEST, "", success=False) == TokenUsage()
    told = TokenUsage(input=7, output=0, cache_read=3)
    assert counted(told, REQUEST, "", success=False) == told
    prompt = TokenUsage(input=20_000)  # Google's count of a tool call that cannot be read, or of a refusal
    assert counted(prompt, REQUEST, "", success=False) == prompt
    nothing = TokenUsage(input=0, output=0)
    assert counted(nothing, REQUEST, "", success=False) == nothing


def test_all_that_was_sent_is_in_an_estimate() -> None:
    """Pictures, tools and a schema are paid for as text is, and reserved with their size before."""
    seen = Message(role="user", text="x" * 400, images=(Image(url="data:,"),) * 2)
    more = ChatRequest(messages=(seen,), tools=({"name": "t" * 386},), schema={"title": "s" * 385})
    assert counted(None, more, "y" * 40, success=True).input == 100 + 2 * 1536 + 100 + 100
