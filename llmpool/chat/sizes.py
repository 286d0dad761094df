"""How large a window a call asks for, and how long an answer, where the server leaves that to its caller."""

from __future__ import annotations

from collections.abc import Generator

from llmpool.chat.journey import Notice
from llmpool.core.chat import ChatRequest
from llmpool.core.routing import DECLARED, LOADED, RoutingRow
from llmpool.core.text import tokens
from llmpool.core.wire import Target
from llmpool.pool import Pool
from llmpool.usage.cost import sent_tokens

LOADS_ON_DEMAND = "ollama"  # loads a model with the window of the call, and with little if that says nothing
DEFAULT_WINDOW = 4096  # what it loads a model with then
ROOM = 1024  # tokens for an answer nobody limited


def fitted(pool: Pool, target: Target, wire: str, ref: str, request: ChatRequest) -> Target:
    """Return *target* with what the deployment *ref* has to be asked for by its caller.

    A declared window is asked for always, and so is the one a model is loaded with: a call that names
    another, or none, has it loaded anew. Else a model is asked for the window this prompt needs, rounded up
    to a power of two: more would cost memory, less would refuse it.
    """
    outputs: dict[str, int] = pool.routing["outputs"]
    if ref in outputs:
        target = target.replace(max_output=outputs[ref])
    if wire != LOADS_ON_DEMAND:
        return target
    known: int = pool.routing["windows"].get(ref, 0)
    return target.replace(context_window=known or _needed(pool, ref, request))


def within(pool: Pool, ref: str, request: ChatRequest, *, told: bool) -> Generator[Notice, None, ChatRequest]:
    """Ask for no longer an answer than the deployment *ref* is known to give (reconcile-resolve 14).

    Vendors refuse a limit beyond that, so a wish that is fine with one model would shut out another. It is
    *told* where the caller himself asked for more.
    """
    longest = _longest(pool, ref) if request.max_tokens else 0
    if not 0 < longest < (request.max_tokens or 0):
        return request
    if told:
        yield Notice(f"{ref} answers with {longest} tokens at most; asked for that many")
    return request.replace(max_tokens=longest)


def loaded_window(pool: Pool, ref: str) -> int:
    """Return the window a model is loaded with, 0 where that is not known."""
    row = row_of(pool, ref)
    return row.window if row is not None and row.flags & LOADED else 0


def prompt_tokens(request: ChatRequest) -> int:
    """Estimate the tokens of the text that is sent."""
    return sum(tokens(message.text) for message in request.messages)


def needed(request: ChatRequest) -> int:
    """Estimate the tokens of all that is sent; that is what a request is routed by, and reserved with.

    The answer comes on top where its caller limits it.
    """
    return sent_tokens(request)


def outgrows(pool: Pool, ref: str, request: ChatRequest, stated: int, window: int = 0) -> bool:
    """Say whether *request*, or the *stated* size of it, may be more than a model takes as it is loaded.

    This only spares the everyday question a closer look: where nobody says what *window* a model has, and
    nothing is known of it, it is taken for the smallest that servers load with.
    """
    row = row_of(pool, ref)
    loaded = row is not None and (row.flags & (LOADED | DECLARED)) == LOADED
    window = window or (row.window if row is not None and loaded else 0) or DEFAULT_WINDOW
    return max(needed(request), stated) + (request.max_tokens or ROOM) > window


def declared(pool: Pool, ref: str) -> int:
    """Return the window of a deployment that its owner declared, as far as it is known; else 0."""
    row = row_of(pool, ref)
    return row.window if row is not None and row.flags & DECLARED else 0


def _longest(pool: Pool, ref: str) -> int:
    """Look the longest answer of a deployment up in the listing; 0 where nobody knows it."""
    from json import dumps, loads

    text = f"\n{pool.listing_text()}\n"
    begin = text.find(f'\n{{"id": {dumps(ref)}, ') + 1
    entry = loads(text[begin : text.index("\n", begin)].rstrip(",")) if begin else {}
    return entry.get("max_output") or 0


def row_of(pool: Pool, ref: str) -> RoutingRow | None:
    """Return what the router knows of a deployment; None where it knows none of that id."""
    return next((row for row in pool.table.rows if row.id == ref), None)


def _needed(pool: Pool, ref: str, request: ChatRequest) -> int:
    """Return the window to load *ref* with for this request; 0 where what there is will do."""
    window = roomy(needed(request), request.max_tokens or ROOM)
    row = row_of(pool, ref)
    if window <= DEFAULT_WINDOW or (row is not None and row.flags & LOADED):
        return 0
    return min(window, row.window) if row is not None and row.window else window


def roomy(sent: int, answer: int = ROOM) -> int:
    """Return a window that takes about *sent* tokens and an answer, as powers of two go."""
    return 1 << (sent * 5 // 4 + answer - 1).bit_length()
