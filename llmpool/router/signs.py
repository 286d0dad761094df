"""What a prompt looks like: a row of figures, each of which may count one way only, for `difficulty`.

How much each counts is learned (`data/difficulty.bin`), the direction is set here, by hand: what the data of
one exam would turn round is left at nought. Mere length is not among them.
"""

from __future__ import annotations

from collections import Counter

# Each: how it is shown where there is much of it and where there is little (nothing: it is not shown then),
# and whether more of it makes a prompt harder (1) or easier (-1).
SIGNS = (
    ("talk of people", "", 1),
    ("many ifs, unlesses and woulds", "", 1),
    ("calculations", "", 1),
    ("many numbers", "", 1),
    ("code", "", 1),
    ("acronyms", "", 1),
    ("text in brackets", "", 1),
    ("many adverbs", "", 1),
    ("many words in -ing", "", 1),
    ("asks for the most or likeliest", "", 1),
    ("begins with a case", "", 1),
    ("begins with why or how", "", 1),
    ("begins with what", "", -1),
    ("begins with which", "", -1),
    ("begins with who, when or where", "", -1),
    ("leaves a blank to fill", "", -1),
    ("long words", "short words", -1),
    ("asks for a term or a definition", "", -1),
    ("words of data and algorithms", "", 1),
    ("words of physics", "", 1),
    ("many commas", "", 1),
)
_LISTS = {
    0: ("he she they him her them his hers their theirs i me my mine myself we us our"),
    1: ("if unless when whether suppose assuming assume given provided would could should might otherwise"),
    9: ("most best likely primary main primarily mainly least greatest strongest"),
    17: (
        "term called known refers referred defined definition named name describes described example type "
        "form"
    ),
    18: (
        "function algorithm variable matrix vector set element value values data model training array "
        "loop node graph bits classifier program code string input output kernel regression learning "
        "network list"
    ),
    19: (
        "force energy mass velocity acceleration current voltage charge wave light temperature pressure "
        "frequency speed weight gravity magnetic electric circuit power atom atoms electrons molecule "
        "object distance"
    ),
}
_OF = {word: place for place, words in _LISTS.items() for word in words.split()}
_COMMON = frozenset(
    word
    for line in (
        "the a an of in to and is are was were be for on with by as at",
        "from that this it which or has have not its",
    )
    for word in line.split()
)
_CALCULATION = b"=+*/^<>%$\\"
_CALCULATION_WIDE = "≤≥√∑∫π°"
_CODE = b"{}[]();_"
_DIGITS = bytes(n if 48 <= n < 58 else 32 for n in range(256))  # what is none becomes a blank
_CAPITALS = bytes(n if 65 <= n < 91 else 32 for n in range(256))
_FIRST = {"if": 10, "suppose": 10, "why": 11, "how": 11, "what": 12, "which": 13}
_FIRST |= {"who": 14, "when": 14, "where": 14}
ASKING = 1  # of the words about people is whoever asks: "tell me", "how do I"
ENGLISH = 0.15  # from this share of everyday words on; below it, figures made of English words are unknown
UNKNOWN = frozenset((0, 1, 7, 8, 9, 10, 11, 12, 13, 14, 16, 17, 18, 19))


def english(words: list[str]) -> bool:
    """Tell whether these are mostly words of English, by its everyday ones."""
    return bool(words) and len([word for word in words if word in _COMMON]) >= ENGLISH * len(words)


def row(text: str, words: list[str], *, known: bool) -> tuple[float | None, ...]:
    """Measure *text*, whose *words* are in lower case; None stands where a language not *known* hides it."""
    count = max(10, len(words))
    found: list[float | None] = [0.0] * len(SIGNS)
    joined, raw = " ".join(words), text.encode("utf-8", "replace")
    for place, number in _lists(words, joined).items():
        told = number - ASKING if place == 0 else number
        found[place] = max(0, min(told, 0.4 * count)) / count
    found[2] = min(8, _many(raw, _CALCULATION) + _wide(text)) / 8
    found[3] = min(8, len(raw.translate(_DIGITS).split())) / 8
    found[4] = min(8, _many(raw, _CODE)) / 8
    found[5] = min(4, len([run for run in raw.translate(_CAPITALS).split() if len(run) > 1])) / count
    found[6] = min(6, text.count("(")) / 6
    if words and words[0] in _FIRST:
        found[_FIRST[words[0]]] = 1.0
    found[15] = 1.0 if "__" in text else 0.0
    found[16] = min(12.0, (len(joined) + 1 - len(words)) / max(1, len(words)) if words else 0.0)
    found[20] = min(text.count(","), 0.2 * count) / count
    if not known:
        return tuple(None if place in UNKNOWN else value for place, value in enumerate(found))
    return tuple(found)


def _many(raw: bytes, marks: bytes) -> int:
    """Count the bytes that are among *marks*."""
    return len(raw) - len(raw.translate(None, marks))


def _wide(text: str) -> int:
    """Count the signs of calculation that are not in ASCII."""
    return 0 if text.isascii() else sum(map(text.count, _CALCULATION_WIDE))


def _lists(words: list[str], joined: str) -> dict[int, int]:
    """Count the words of every list, and those that end as adverbs and present participles do."""
    found = dict(Counter([_OF[word] for word in words if word in _OF]))
    ended = f"{joined} "
    return found | {7: ended.count("ly "), 8: ended.count("ing ")}
