"""Usage and decisions of years, written as fast as lines can be, with sums counted meanwhile."""

from __future__ import annotations

import json
import os
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

DAY = 86_400
DAYS = 3 * 365
TAGS = ("",) * 14 + ("batch", "ci", "cron", "mail", "notes", "review")
SESSIONS = 1000
PICO = 10**12  # what a sum of costs is counted in: whole numbers
_FEW = 50_000  # records that are written sooner than processes are started
_LENGTHS = 1000  # figures that are drawn once, and dealt out again and again


class Size(NamedTuple):
    """How much there is of everything."""

    providers: int
    deployments: int
    records: int
    decisions: int
    days: int = DAYS

    def ref(self, number: int) -> str:
        """Return the id of a deployment."""
        return f"p{number % self.providers}/m{number}"


class Truth(NamedTuple):
    """What records add up to, by UTC month, counted while they were made; *latencies* by milliseconds."""

    months: dict[str, Counter[str]]
    providers: dict[str, Counter[str]]
    latencies: Counter[int]

    def total(self) -> Counter[str]:
        """Add up all months."""
        return sum(self.months.values(), Counter[str]())

    def percentile(self, percent: int) -> int:
        """Return the latency at a rank, by nearest rank."""
        rank = -(-percent * self.latencies.total() // 100)
        for value in sorted(self.latencies):
            rank -= self.latencies[value]
            if rank <= 0:
                return value
        return 0


def fill(state: Path, size: Size, now: float) -> Truth:
    """Write all days up to *now*, a process a core, and say what the usage adds up to."""
    for kind in ("usage", "decisions"):
        (state / kind).mkdir(mode=0o700, parents=True, exist_ok=True)
    work = partial(_day, state, size, now)
    if size.records < _FEW:
        return joined(map(work, range(size.days)))
    with ProcessPoolExecutor(os.cpu_count()) as processes:
        return joined(processes.map(work, range(size.days), chunksize=8))


def joined(truths: Any) -> Truth:
    """Add up what several days add up to."""
    whole = Truth({}, {}, Counter())
    for each in truths:
        for mine, theirs in ((whole.months, each.months), (whole.providers, each.providers)):
            for name, counts in theirs.items():
                mine.setdefault(name, Counter()).update(counts)
        whole.latencies.update(each.latencies)
    return whole


def _day(state: Path, size: Size, now: float, ago: int) -> Truth:
    """Write the day that was so many days ago; today ends now."""
    start = int(now) // DAY * DAY - ago * DAY
    day, dice = time.strftime("%Y-%m-%d", time.gmtime(start)), random.Random(start)
    length = DAY if ago else max(1, int(now) - start)
    part = partial(_share, days=size.days, ago=ago)
    truth = Truth({}, {}, Counter())
    with _private(state / "usage" / f"{day}.jsonl") as file:
        file.writelines(_records(size, day, length, part(size.records), dice, truth))
    with _private(state / "decisions" / f"{day}.jsonl") as file:
        file.writelines(_decisions(size, day, length, part(size.decisions), dice))
    return truth


def _private(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8")


def _share(count: int, days: int, ago: int) -> int:
    return count // days + (ago < count % days)


def _moments(day: str, length: int, count: int) -> Iterator[str]:
    for number in range(count):
        second = number * length // count
        hour, rest = divmod(second, 3600)
        yield f"{day}T{hour:02}:{rest // 60:02}:{rest % 60:02}.{number % 1000:03}Z"


def _records(
    size: Size, day: str, length: int, count: int, dice: random.Random, truth: Truth
) -> Iterator[str]:
    """Make the lines of a day; few deployments get most requests, and which they are changes with time."""
    month = truth.months.setdefault(day[:7], Counter())
    drift = (int(day[:4]) * 12 + int(day[5:7])) * 37
    lengths = [int(dice.lognormvariate(7.5, 0.8)) + 1 for _ in range(_LENGTHS)]
    roll, many = dice.random, size.deployments
    for at in _moments(day, length, count):
        chance = roll()
        place = (int(many ** roll()) + drift) % many
        provider, latency = f"p{place % size.providers}", lengths[int(roll() * _LENGTHS)]
        good, priced = chance > 0.03, chance < 0.98
        put, got, cost = int(chance * 8999) + 20, latency % 900 + 1, int(chance * 20_000_000)
        more = _more(chance, roll())
        name = f"{dice.getrandbits(64):016x}"
        money = f'"price_source":"book","cost":"{cost / 1e9:.9f}"' if priced else '"cost":null'
        yield (
            f'{{"id":"usage_{name}","at":"{at}","provider":"{provider}","model":"m{place}",'
            f'"deployment":"{provider}/m{place}","success":{"true" if good else "false"},'
            f'"input_tokens":{put},'
            f'"output_tokens":{got},"cache_read_tokens":{put // 8},"request_count":1,"latency_ms":{latency},'
            f'"ttft_ms":{latency // 3 + 1},"key":"{"ab"[place & 1]}","decision_id":"d-{name[:8]}",'
            f'"complexity":"simple","selected":"{provider}/m{place}",{more}"attempts":1,{money}}}\n'
        )
        of = truth.providers.get(provider)
        if of is None:
            of = truth.providers.setdefault(provider, Counter())
        of["requests"] += 1
        month["requests"] += 1
        month["failed"] += not good
        month["input_tokens"] += put
        month["output_tokens"] += got
        truth.latencies[latency] += 1
        if priced:
            month["cost"] += cost * 1000
            of["cost"] += cost * 1000
        else:
            month["unpriced"] += 1


def _more(chance: float, other: float) -> str:
    """Return the fields that few records have."""
    tag = TAGS[int(other * len(TAGS))]
    session = f'"session":"s{int(other * SESSIONS)}",' if chance < 0.1 else ""
    return f'"tag":"{tag}",{session}' if tag else session


def _decisions(size: Size, day: str, length: int, count: int, dice: random.Random) -> Iterator[str]:
    """Make the decisions of a day: ten candidates each, of which the first is chosen and answers."""
    ranked = [_candidates(size, dice) for _ in range(50)]
    for at in _moments(day, length, count):
        refs, text = ranked[dice.randrange(len(ranked))]
        name, level = f"d-{dice.getrandbits(32):08x}", ("simple", "moderate", "complex")[dice.randrange(3)]
        provider, _, model = refs[0].partition("/")
        asked = json.dumps(_asked(size, refs[0], dice))[1:-1]
        yield (
            f'{{"id":"{name}","at":"{at}","selected":"{refs[0]}","model":"{model}","provider":"{provider}",'
            f'"strategy":"score","mode":"auto","complexity":"{level}","difficulty":{dice.random():.3f},'
            f'"intent":"general","candidates":{text},"candidates_total":{size.deployments},"rejections":[],'
            f'"rejections_total":0,"reasoning":"{refs[0]} leads with 45 ({level}/general)","no_eligible":'
            f'false,"generation":7,"request":{{"query_length":{dice.randrange(9, 900)},"stated":false,{asked}'
            f'}},"outcome":{{"success":true,"served_by":"{refs[0]}","attempts":'
            f'[{{"deployment":"{refs[0]}","key":"a","latency_ms":700,"ok":true}}],"latency_ms":700,'
            f'"ttft_ms":200,"tokens":900,"input_tokens":700,"output_tokens":200,"usage_id":"usage_{name}"}}}}\n'
        )


def _asked(size: Size, ref: str, dice: random.Random) -> dict[str, Any]:
    """Make a request: of any size, one in five names a model, one in ten goes on with a conversation."""
    chance = dice.random()
    asked: dict[str, Any] = {
        "context_size": int(dice.lognormvariate(6.5, 1.8)),
        "needs": ["tools"] if chance < 0.2 else ["streaming"] if chance < 0.5 else [],
        "tool_count": int(chance * 60) if chance < 0.2 else 0,
        "priority": "background" if chance > 0.9 else "interactive",
        "hints": {"quality_floor": "6"} if 0.5 < chance < 0.6 else {},
        "model": size.ref(int(size.deployments ** dice.random()) % size.deployments) if chance > 0.8 else "",
    }
    more: dict[str, Any] = {
        "max_tokens": dice.choice((256, 1024, 4096, 8192)) if 0.3 < chance < 0.7 else None,
        "max_cost": dice.choice(("0.01", "0.05")) if 0.4 < chance < 0.43 else None,
        "min_quality": 4 if 0.6 < chance < 0.65 else None,
        "local_only": 0.65 < chance < 0.7,
        "continues": ref if 0.7 < chance < 0.8 else "",
        "warm": 0.7 < chance < 0.78,
        "tag": TAGS[int(dice.random() * len(TAGS))],
    }
    return asked | {name: value for name, value in more.items() if value}


def _candidates(size: Size, dice: random.Random) -> tuple[list[str], str]:
    refs = [size.ref(int(size.deployments ** dice.random()) % size.deployments) for _ in range(10)]
    hits = [{"rule": "base", "points": 20}, {"rule": "quality", "points": 25}]
    return refs, json.dumps([{"deployment": ref, "score": 45, "hits": hits} for ref in refs])
