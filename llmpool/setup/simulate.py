"""Route the recorded decisions again under another policy, config or strategy; nothing is called or changed.

Both sides are replays of the same features in a quiet moment, one under today's setting and one under the
other, so that what differs is due to the change alone; what differs already from what was recorded is told
apart. Cooldowns and servers out of reach are of a moment, and left out of both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from llmpool.config import edit, keypath, typed
from llmpool.config.load import loads
from llmpool.core.config import Config
from llmpool.core.policy import Policy
from llmpool.errors import ConfigInvalid, Misuse
from llmpool.pool import Pool
from llmpool.router import replay
from llmpool.router.replay import Recorded
from llmpool.setup import configfile
from llmpool.setup.answers import Answers
from llmpool.setup.charged import Ends, Till, counts
from llmpool.setup.compared import TODAY, Comparison, Course, Expected, Sums
from llmpool.setup.quiet import Quiet
from llmpool.state import ledger
from llmpool.usage.span import between

Tell = Callable[[int], None]  # hears how many decisions are done
TOLD_EVERY = 200


class Setting(NamedTuple):
    """What is to be tried: policies in place of today's, and keys of the config with their values."""

    policies: Mapping[str, Policy] | None = None
    keys: tuple[tuple[str, str], ...] = ()


def pairs(words: list[str]) -> tuple[tuple[str, str], ...]:
    """Read `KEY=VALUE` words; raises Misuse."""
    found = []
    for word in words:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise Misuse(f"--set {word!r} has no value", hint="write --set routing.mode=local")
        found.append((key.strip(), value))
    return tuple(found)


def settings(
    policies: Mapping[str, Policy] | None, keys: tuple[tuple[str, str], ...], strategies: list[str]
) -> list[Setting]:
    """Return what is to be tried: the same policies and keys with each of the *strategies*, or with none."""
    named = [Setting(policies, (*keys, ("routing.strategy", name))) for name in strategies]
    return named or [Setting(policies, keys)]


def simulate(
    pool: Pool, settings: Sequence[Setting], since: str, until: str, tell: Tell = lambda _: None
) -> Comparison:
    """Replay the decisions of a span under each of *settings* and under today's; raises Misuse for a bad one.

    Today's is the first end of each course, the settings are the others.
    """
    if not settings or Setting() in settings:
        raise Misuse("nothing is to be tried", hint="say --policy FILE, --set KEY=VALUE or --strategy NAME")
    today = Quiet(pool, pool.config, None)
    quiet = [today]
    quiet += [Quiet(pool, _changed(pool, setting.keys), setting.policies, today) for setting in settings]
    tried = [(Answers(each), Till(each)) for each in quiet]
    reading = ledger.Reading(
        pool.paths.state, ledger.DECISIONS, since[:10], until[:10], check=ledger.is_dated
    )
    courses: dict[Course, Sums] = defaultdict(Sums)
    skipped: Counter[str] = Counter()
    for done, line in enumerate(_between(reading, since, until), 1):
        try:
            features = replay.recorded(line)
        except ValueError as error:
            skipped[str(error)] += 1
            continue
        _add(courses, line, features, tried)
        if done % TOLD_EVERY == 0:
            tell(done)
    if reading.bad:
        skipped["it could not be read"] = reading.bad
    known: dict[str, Expected] = {}
    for each in reversed(quiet):
        known |= each.known()
    return Comparison(courses, skipped, known)


def _add(
    courses: dict[Course, Sums],
    line: dict[str, Any],
    features: Recorded,
    tried: list[tuple[Answers, Till]],
) -> None:
    """Decide a recorded request under each setting, and add it to the course that it takes."""
    answers = [answers.of(features) for answers, _ in tried]
    ends = tuple([each.selected for each in answers])
    drifted = _text(line.get("selected")) != ends[TODAY]
    course = Course(drifted, ends, tuple([each.reason for each in answers]))
    tokens = counts(line.get("outcome"))
    rates: Ends = ()
    if tokens is not None:
        rates = tuple(
            [till.rates(ref, line["at"], tokens.input) for ref, (_, till) in zip(ends, tried, strict=True)]
        )
    hard = features.request.difficulty or 0.0
    courses[course].add(hard, judged=features.judged, tokens=tokens, ends=rates)


def _between(reading: ledger.Reading, since: str, until: str) -> Iterator[dict[str, Any]]:
    return (line for line in reading if between(since, line["at"], until))


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _changed(pool: Pool, keys: tuple[tuple[str, str], ...]) -> Config:
    """Return the config as it would be with *keys* set, in memory alone; raises Misuse."""
    text = configfile.read(pool) if keys else ""
    for name, value in keys:
        text = _with_key(text, name, value)
        problem = configfile.problems(pool, text)
        if problem is not None:
            raise _refused(name, value, problem)
    return loads(text, pool.paths.config) if keys else pool.config


def _with_key(text: str, name: str, word: str) -> str:
    """Set a key to what a word says, as `config set` would."""
    key = keypath.read(name)
    if key.is_table or key.holds_names:
        raise Misuse(f"--set {key.name} is a table", hint=f"set a key of it: --set {key.name}.KEY=VALUE")
    return edit.with_value(text, key.path, typed.read(key.schema, [word], key.name))


def _refused(name: str, value: str, problem: ConfigInvalid) -> Misuse:
    told = [f"{each['key']}: {each['message']}" for each in problem.details.get("problems", [])]
    first, *others = told or [problem.message]
    return Misuse(
        f"--set {name}={value}: {first}", lines=tuple(others), hint="see what is in force: llmpool config"
    )
