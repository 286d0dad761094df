"""Tells thinking from answer in a text that begins with `<think>`, as many servers leave it there."""

from __future__ import annotations

OPEN, CLOSE = "<think>", "</think>"


class Thoughts:
    """A text as it comes in pieces, its marks cut anywhere; a text without the mark passes as it is.

    *decided* says that no mark is looked for any more: all that follows is the answer.
    """

    def __init__(self) -> None:
        self.decided = False
        self._held = ""  # may turn out to be the beginning of a mark
        self._inside = False
        self._closed = False
        self._all: list[str] = []  # everything from the opening mark on, for a thought that never ends
        self._blank = True

    def split(self, text: str) -> tuple[str, str]:
        """Return what of *text*, and of what was held back, is thinking and what is answer."""
        if self.decided:
            return "", text
        if self._inside:
            return self._thinking(text)
        if self._closed:
            return "", self._answer(text)
        text, self._held = self._held + text, ""
        start = text.lstrip()
        if start.startswith(OPEN):
            self._inside, self._all = True, [text[: len(text) - len(start)], OPEN]
            return self._thinking(start[len(OPEN) :])
        if OPEN.startswith(start):
            self._held = text
            return "", ""
        self.decided = True
        return "", text

    def rest(self, *, cut: bool) -> tuple[str, str]:
        """Give up looking and return what is left, as thinking and as answer.

        A thought that never ended was the answer, mark and all, unless it was *cut*.
        """
        held, whole, inside = self._held, "".join(self._all), self._inside
        self._held, self._all, self._inside, self.decided = "", [], False, True
        if not inside:
            return "", held
        return (held, "") if cut else ("", whole)

    def _thinking(self, text: str) -> tuple[str, str]:
        self._all.append(text)
        thought, mark, behind = (self._held + text).partition(CLOSE)
        if mark:
            self._held, self._inside, self._closed, self._all = "", False, True, []
            return self._visible(thought), self._answer(behind)
        held = _overlap(thought)
        self._held = thought[len(thought) - held :]
        return self._visible(thought[: len(thought) - held]), ""

    def _visible(self, thought: str) -> str:
        """Leave out the blanks that a thought begins with; some are nothing else."""
        if self._blank:
            thought = thought.lstrip()
            self._blank = not thought
        return thought

    def _answer(self, text: str) -> str:
        """Leave out the blank lines behind the closing mark; they belong to it."""
        text = text.lstrip()
        self.decided = bool(text)
        return text


def _overlap(text: str) -> int:
    """Say how many characters at the end of *text* begin the closing mark."""
    sizes = range(min(len(text), len(CLOSE) - 1), 0, -1)
    return next((size for size in sizes if text.endswith(CLOSE[:size])), 0)
