"""Route the recorded decisions again under another policy, config or strategy; nothing is called or changed.

Both sides are replays of the same features in a quiet moment, one under today's setting and one under the
other, so that what differs is due to the change alone; what differs already from what was recorded is told
apart. Cooldowns and servers out of reach are of a moment, and left out of both.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from math import lcm
from typing import Any, NamedTuple

from llmpool.config import edit, keypath, typed
from llmpool.config.load import loads
from llmpool.core.config import Config
from llmpool.core.ids import split_ref
from llmpool.core.policy import Policy
from llmpool.core.routing import Decision, Experience, Facts
from llmpool.errors import ConfigInvalid, LlmpoolError, Misuse
from llmpool.pool import Pool
from llmpool.router import replay
from llmpool.router.alike import Alike
from llmpool.router.replay import Recorded
from llmpool.setup import configfile, decisions
from llmpool.setup.compared import Comparison, Course, Expected, Sums
from llmpool.state import ledger
from llmpool.usage.span import between

Tell = Callable[[int], None]  # hears how many decisions are done
TOLD_EVERY = 200
MOST_TURNS = 240  # that are decided for requests which are alike; rings that are longer are cut


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


def simulate(pool: Pool, setting: Setting, since: str, until: str, tell: Tell = lambda _: None) -> Comparison:
    """Replay the decisions of a span under *setting* and under today's; raises Misuse for a bad setting."""
    if setting == Setting():
        raise Misuse("nothing is to be tried", hint="say --policy FILE, --set KEY=VALUE or --strategy NAME")
    today = _Quiet(pool, pool.config, None)
    other = _Quiet(pool, _changed(pool, setting.keys), setting.policies)
    before, after = _Answers(today), _Answers(other)
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
        one, another = before.of(features), after.of(features)
        course = Course(_text(line.get("selected")), one.selected, another.selected, another.reason)
        courses[course].add(line.get("outcome"))
        if done % TOLD_EVERY == 0:
            tell(done)
    if reading.bad:
        skipped["it could not be read"] = reading.bad
    return Comparison(courses, skipped, other.known() | today.known())


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


class _Quiet(Pool):
    """The pool as it would be under another config and other policies, in a moment when nothing rests.

    It is compiled in memory; neither the config nor the state is written to.
    """

    def __init__(self, pool: Pool, config: Config, policies: Mapping[str, Policy] | None) -> None:
        super().__init__(pool.paths, pool.env, pool.clock)
        vars(self)["config"] = config
        vars(self)["official"] = pool.official
        vars(self)["policies"] = pool.policies if policies is None else dict(policies)
        vars(self)["routing"] = self._compiled() | {"budgets": [], "unpriced": None}  # none is used up
        self._facts = super().facts().replace(cooling={}, unreachable={}, resting={}, free_at={})
        self._turns: dict[str, int] = {}

    def _compiled(self) -> dict[str, Any]:
        from llmpool.registry import compiled
        from llmpool.state import inventory

        seen = inventory.read(self.paths.state)
        return compiled.routing_document(self.registry, seen, self.policies) | {"generation": 0}

    def facts(self) -> Facts:
        """Return the facts of a quiet moment, with the turns as they are taken here."""
        return self._facts.replace(cursors=self._turns)

    def turn(self, names: Iterable[str], number: int) -> None:
        """Let those who take turns by these counters be at this turn, all others at their first."""
        self._turns = dict.fromkeys(names, number)

    def known(self) -> dict[str, Expected]:
        """Return what is expected of each deployment: its columns, and how long it took on average."""
        seen, none = self._facts.experience, Experience()
        return {row.id: Expected(row, seen.get(row.id, none).avg_latency_ms) for row in self.table.rows}


class _Answer(NamedTuple):
    """Who is chosen, or why nobody is; *turns* are the counters that it moves, and go round after *ring*."""

    selected: str
    reason: str = ""
    turns: tuple[str, ...] = ()
    ring: int = 1


class _Answers:
    """Answers of one pool to recorded requests; those that are alike to it are decided once.

    Where deployments take turns they do so among the requests that are alike, each turn decided once.
    """

    def __init__(self, pool: _Quiet) -> None:
        self.pool = pool
        self.table = pool.table
        self._alike = Alike(self.table)
        self._known: dict[Hashable, list[_Answer]] = {}
        self._asked: Counter[Hashable] = Counter()

    def of(self, features: Recorded) -> _Answer:
        """Decide, or remember what was decided."""
        key = (features.force, self._alike.key(features.request))
        known = self._known.setdefault(key, [])
        place = self._asked[key] % known[0].ring if known else 0
        if place == len(known):
            self.pool.turn(known[0].turns if known else (), place)
            known.append(self._decided(features))
        self._asked[key] += 1
        return known[place]

    def _decided(self, features: Recorded) -> _Answer:
        try:
            decision = decisions.again(self.pool, features)
        except LlmpoolError as error:
            if isinstance(error, Misuse) and not features.request.strategy:
                raise  # it is the setting that asks for what there is not
            return _Answer("", error.message)
        finally:
            vars(self.pool)["table"] = self.table  # an unlisted model was there for one request only
        if decision.selected:
            return _Answer(decision.selected, "", decision.turns, _ring(decision))
        reasons = Counter("; ".join(rejection.reasons) for rejection in decision.rejections)
        return _Answer("", reasons.most_common(1)[0][0] if reasons else "no model is known")


def _ring(decision: Decision) -> int:
    """Return after how many turns the same order comes again: rings are all candidates, or a provider's."""
    if not decision.turns:
        return 1
    sizes = Counter((each.last_resort, "") for each in decision.candidates)
    sizes.update((each.last_resort, split_ref(each.deployment)[0]) for each in decision.candidates)
    return min(lcm(*sizes.values()), MOST_TURNS)
