"""How large a window a call asks for, and how long an answer, where the server leaves that to its caller."""

from __future__ import annotations

from llmpool.core.chat import ChatRequest
from llmpool.core.routing import LOADED
from llmpool.core.text import tokens
from llmpool.core.wire import Target
from llmpool.pool import Pool

LOADS_ON_DEMAND = "ollama"  # loads a model with the window of the call, and with little if that says nothing
DEFAULT_WINDOW = 4096  # what it loads a model with then
ROOM = 1024  # tokens for an answer nobody limited


def fitted(pool: Pool, target: Target, wire: str, ref: str, request: ChatRequest) -> Target:
    """Return *target* with what the deployment *ref* has to be asked for by its caller.

    A declared window is asked for always. Otherwise a model that is not loaded is asked for the window this
    prompt needs, rounded up to a power of two: more would cost memory, less would refuse it. A loaded one is
    left as it is, for another window loads it anew.
    """
    outputs: dict[str, int] = pool.routing["outputs"]
    if ref in outputs:
        target = target.replace(max_output=outputs[ref])
    if wire != LOADS_ON_DEMAND:
        return target
    declared: int = pool.routing["windows"].get(ref, 0)
    return target.replace(context_window=declared or _needed(pool, ref, request))


def loaded_window(pool: Pool, ref: str) -> int:
    """Return the window a model is loaded with, 0 where that is not known."""
    row = next((row for row in pool.table.rows if row.id == ref), None)
    return row.window if row is not None and row.flags & LOADED else 0


def prompt_tokens(request: ChatRequest) -> int:
    """Estimate the tokens of what is sent."""
    return sum(tokens(message.text) for message in request.messages)


def _needed(pool: Pool, ref: str, request: ChatRequest) -> int:
    """Return the window to load *ref* with for this request; 0 where what there is will do."""
    needed = prompt_tokens(request) * 5 // 4 + (request.max_tokens or ROOM)
    row = next((row for row in pool.table.rows if row.id == ref), None)
    if needed <= DEFAULT_WINDOW or (row is not None and row.flags & LOADED):
        return 0
    window = 1 << (needed - 1).bit_length()
    return min(window, row.window) if row is not None and row.window else window
