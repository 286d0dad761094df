"""What Gemini signed goes back in the part it came in."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from llmpool.core.chat import ChatRequest, Delta, Message
from llmpool.core.wire import Target
from llmpool.formats import wire_format
from tests.unit.formats.google_cases import frame, piece, recorded
from tests.unit.formats.recordings import framed

GOOGLE = wire_format("google")
TARGET = Target(provider="p", url="https://g.example")


def turn_of(deltas: list[Delta]) -> Message:
    """Make the turn that an answer becomes in the next request."""
    calls = tuple(
        {"id": t.id, "name": t.name, "arguments": t.arguments} for delta in deltas for t in delta.tools
    )
    text = "".join(delta.text for delta in deltas)
    carry = tuple(entry for delta in deltas for entry in delta.carry)
    return Message(role="assistant", text=text, tool_calls=calls, carry=carry)


def parts(message: Message, model: str = "gemini-3-pro-preview") -> list[dict[str, Any]]:
    """Return the parts that *message* is sent as."""
    request = ChatRequest(messages=(message,))
    sent: dict[str, Any] = json.loads(GOOGLE.chat_call(TARGET, model, request).body or b"")
    found: list[dict[str, Any]] = sent["contents"][0]["parts"]
    return found


def read(*pieces: dict[str, Any]) -> list[Delta]:
    """Read a stream of *pieces*."""
    return list(GOOGLE.read_stream([frame(some) for some in pieces]))


def test_a_recorded_call_goes_back_as_it_came() -> None:
    """Signature and arguments are those of the answer; no id is made up for it."""
    answer = recorded("pydantic-ai/stream-tool-call")
    (came,) = json.loads(framed(answer.body)[0].data)["candidates"][0]["content"]["parts"]
    assert parts(turn_of(list(GOOGLE.read_stream(framed(answer.body))))) == [came]


def test_a_signed_end_goes_back_behind_its_text() -> None:
    """An empty signed part is a part of its own; signed and unsigned text are never merged."""
    deltas = list(GOOGLE.read_stream(framed(recorded("vercel-ai/stream-signed-text").body)))
    text, end = parts(turn_of(deltas))
    assert text == {"text": "4"}
    assert (end["text"], len(end["thoughtSignature"])) == ("", 376)


def test_signed_text_is_put_back_where_it_was() -> None:
    """Equal words elsewhere in the answer do not draw the signature to them."""
    signed = {"text": "no", "thoughtSignature": "s"}
    deltas = read(piece({"text": "no no "}), piece(signed, {"text": "."}, finish="STOP"))
    assert parts(turn_of(deltas)) == [{"text": "no no "}, signed, {"text": "."}]


def test_a_signed_thought_goes_back_with_all_that_was_thought() -> None:
    """The signature closes a thought that came in pieces."""
    deltas = read(
        piece({"text": "on one hand ", "thought": True}),
        piece({"text": "not", "thought": True}, {"thought": True, "thoughtSignature": "s"}),
        piece({"text": "yes"}, finish="STOP"),
    )
    thought = {"thought": True, "text": "on one hand not", "thoughtSignature": "s"}
    assert parts(turn_of(deltas)) == [thought, {"text": "yes"}]


def test_of_parallel_calls_only_the_signed_one_carries() -> None:
    """Gemini signs the first of several calls; the others go back without."""
    call = {"functionCall": {"name": "f", "args": {"x": 1}, "id": "a"}}
    other = {"functionCall": {"name": "f", "args": {"x": 2}, "id": "b"}}
    deltas = read(piece(call | {"thoughtSignature": "s"}), piece(other, finish="STOP"))
    assert parts(turn_of(deltas)) == [call | {"thoughtSignature": "s"}, other]


def test_a_call_of_another_model_is_marked_as_unsigned() -> None:
    """Gemini 3 takes the documented word in place of a signature it never gave; earlier ones need none."""
    message = Message(role="assistant", tool_calls=({"id": "c", "name": "f", "arguments": "{}"},) * 2)
    call = {"functionCall": {"name": "f", "args": {}, "id": "c"}}
    marked = call | {"thoughtSignature": "skip_thought_signature_validator"}
    assert parts(message) == [marked, call]
    assert parts(message, "gemini-2.5-pro") == [call, call]


ENTRIES: list[dict[str, Any]] = [
    {"format": "anthropic", "part": {"text": "a", "thoughtSignature": "s"}, "at": 0},
    {"format": "google", "part": {"text": "b", "thoughtSignature": "s"}, "at": 0},
    {"format": "google", "part": {"text": "a", "thoughtSignature": ""}, "at": 0},
    {"format": "google", "part": {"text": "a", "thoughtSignature": "s"}, "at": 99},
    {"format": "google", "part": {"functionCall": {"name": "g"}, "thoughtSignature": "s"}, "call": 0},
    {"format": "google", "part": None},
    {"format": "google"},
    {},
]


def test_what_does_not_fit_the_turn_is_passed_over() -> None:
    """Other formats' entries, edited turns and mangled sessions cost the signature, never the text."""
    assert parts(Message(role="assistant", text="a", carry=tuple(ENTRIES))) == [{"text": "a"}]
    called = Message(role="assistant", tool_calls=({"name": "f"},), carry=tuple(ENTRIES))
    assert parts(called, "gemini-2.5-pro") == [{"functionCall": {"name": "f", "args": {}}}]


SIGNATURES = st.sampled_from(["", "", "s"])
SPOKEN = st.tuples(st.text(max_size=6), SIGNATURES)


@given(st.lists(SPOKEN, min_size=1, max_size=6))
def test_every_signed_text_goes_back_signed(spoken: list[tuple[str, str]]) -> None:
    """However an answer was cut into parts, each signature returns with its text, and all text in order."""
    sent = [{"text": text} | ({"thoughtSignature": s} if s else {}) for text, s in spoken]
    deltas = read(piece(*sent), piece({"text": "end"}, finish="STOP"))
    again = parts(turn_of(deltas))
    assert [part for part in again if "thoughtSignature" in part] == [
        p for p in sent if "thoughtSignature" in p
    ]
    assert "".join(part["text"] for part in again) == "".join(text for text, _ in spoken) + "end"
