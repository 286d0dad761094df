"""Events that come together are read at once, and are the same as those that come byte by byte."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from llmpool.core.wire import Followed, Frame
from llmpool.net.blot import Blot
from llmpool.net.frames import SseFrames

KEY = "sk-abc123456789"
PIECES = st.sampled_from(
    [
        *(
            "data: ",
            "data:",
            "data",
            "event: x",
            "event:",
            "\n",
            "\n\n",
            "data: a\n\ndata: b\n\n",
            "\r\n",
            "\r",
        ),
        *(": c", "é", "\ufeff", KEY, "id: 3", " ", "{}", "\udcff"),
    ]
)


def frames(parts: list[bytes], *, keyed: bool) -> list[Frame]:
    """Read *parts* one after the other."""
    reader = SseFrames(Blot([("authorization", f"Bearer {KEY}")] if keyed else []), "utf-8")
    return [frame for part in parts for frame in reader.feed(part)] + reader.end()


@given(st.lists(PIECES, max_size=25), st.lists(st.integers(1, 40), max_size=25), st.booleans())
@example(["data: a\n\ndata: b\n\n"] * 2, [18, 18], False)
@example(["data: ", KEY, "\n\n", "data: é\n\n"], [40, 40], True)
def test_how_a_stream_is_cut_makes_no_difference(pieces: list[str], cuts: list[int], keyed: bool) -> None:
    """Whole events in one read take a shorter way, and come to the same."""
    raw = "".join(pieces).encode("utf-8", "surrogateescape")
    parts, rest = [], raw
    for cut in cuts:
        parts.append(rest[:cut])
        rest = rest[cut:]
    whole = frames([*parts, rest], keyed=keyed)
    assert whole == frames([raw[n : n + 1] for n in range(len(raw))], keyed=keyed)


def test_an_event_says_whether_another_came_with_it() -> None:
    """The last of those that came together is followed by nobody yet."""
    reader = SseFrames(Blot([]), "utf-8")
    reader.feed(b"data: 0\n\n")
    kinds = [type(frame) for frame in reader.feed(b"data: 1\n\ndata: 2\n\ndata: 3\n\n")]
    assert kinds == [Followed, Followed, Frame]
