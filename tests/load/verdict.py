"""What has to be true after a crowd: each check names what is wrong, and nothing where all is well."""

from __future__ import annotations

import json
import tomllib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

import fastjsonschema

from tests import schemas
from tests.load.crowd import MARK, SHARED, Crowd, overlap

DOCUMENTS = {
    "chat": "chat", "say": "chat", "say_together": "chat", "refresh": "refresh", "refresh_one": "refresh",
    "decide": "policy-set", "decide_for_shared": "policy-set", "forget": "policy-clear",
    "summary": "usage-summary", "own_usage": "usage-summary", "time_out": "providers-set",
    "disable": "providers-disable", "enable": "providers-enable", "declare": "models-set",
    "add_key": "providers-keys-add", "keys": "providers-keys-list", "list": "models-list",
    "providers": "providers-list", "route": "route", "sessions": "chat-list", "prune": "usage-prune",
    "price": "usage-prices-set", "budget": "policy-budget-list", "add": "providers-add",
    "find": "models-list",
    "remove": "providers-remove",
}  # fmt: skip
BUSY = 75
PATIENCE = 15.0  # seconds: a lock is waited for ten, and a busy machine may be late to see that
Check = Callable[[Crowd], Iterator[str]]


def codes(crowd: Crowd) -> Iterator[str]:
    """Tell what ended otherwise: every command ends with 0, or with 75 where others hold what it wants."""
    for line in crowd.lines:
        if line["kind"] == "look":
            continue
        words = " ".join(line["argv"])
        if line["code"] not in (0, BUSY):
            yield f"{words}: {line['code']} {line['err'][-600:]} {line['out'][-200:]}"
        if line["code"] == BUSY and not ('"kind": "busy"' in line["err"] and not line["out"]):
            yield f"{words}: {line['err'][-600:]} {line['out'][-200:]}"
        if line["code"] == 0 and "warning" in line["err"]:
            yield f"{words} warns: {line['err'][-400:]}"
        if any(wait > PATIENCE for _, wait in line["waits"]):
            yield f"{words} has waited {line['waits']}"


def documents(crowd: Crowd) -> Iterator[str]:
    """Tell what is torn: every document is as its schema says, and every file parses at any moment."""
    for line in crowd.lines:
        if line["kind"] == "look":
            yield from line["torn"]
        elif line["code"] == 0:
            try:
                schemas.validator(DOCUMENTS[line["kind"]])(_json(line))
            except (ValueError, fastjsonschema.JsonSchemaException) as error:
                yield f"{line['kind']}: {error}: {line['out'][:200]}"


def chats(crowd: Crowd) -> Iterator[str]:
    """Tell what is not recorded once, and which totals are not what the servers counted."""
    answers = [_json(line) for line in crowd.of("chat", "say", "say_together")]
    usage = [record for record in crowd.records("usage") if not record["id"].startswith("old-")]
    times = Counter(record["id"] for record in usage)
    decided = Counter(record["id"] for record in crowd.records("decisions"))
    for answer in answers:
        if times[answer["usage_id"]] != 1 or decided[answer["decision_id"]] != 1:
            yield f"recorded {times[answer['usage_id']]} and {decided[answer['decision_id']]} times: {answer}"
    for line in crowd.of("route"):
        if decided[_json(line)["decision"]["id"]] != 1:
            yield f"a decision is there {decided[_json(line)['decision']['id']]} times"
    asked, tokens = sum(crowd.servers.asked.values()), sum(crowd.servers.input.values())
    if not len(answers) == len(usage) == len(times) == asked:
        yield f"{len(answers)} answers, {len(usage)} records, {asked} asked"
    if sum(record["input_tokens"] for record in usage) != tokens:
        yield f"recorded are {sum(record['input_tokens'] for record in usage)} tokens, not {tokens}"
    cost = Decimal(tokens + 2 * 3 * asked) / 1_000_000
    if sum(Decimal(record["cost"]) for record in usage) != cost:
        yield f"it did not cost {cost}"
    (budget,) = crowd.home.pool("policy", "budget", "list", "--json").json["budgets"]
    if Decimal(budget["spent"]) != cost + Decimal(crowd.before["total"]["cost"]) or Decimal(
        budget["reserved"]
    ):
        yield f"the budget says {budget}, and {cost} was spent"


def summaries(crowd: Crowd) -> Iterator[str]:
    """Tell which totals are wrong: a summary has what was there before it began, pruned or not."""
    old = crowd.before["total"]["requests"]
    asked = crowd.of("chat", "say", "say_together")
    for line in crowd.of("summary"):
        told = _json(line)["total"]["requests"] - old
        least = sum(each["ended"] <= line["began"] for each in asked)
        most = sum(each["began"] <= line["ended"] for each in asked)
        if not least <= told <= most:
            yield f"{told} requests are told of, {least} to {most} there are"
    for line in crowd.of("own_usage"):
        mine = sum(each["who"] == line["who"] and each["ended"] <= line["began"] for each in asked)
        if _json(line)["total"]["requests"] != mine:
            yield f"{line['who']} has asked {mine} times, and is told {_json(line)['total']['requests']}"
    after = crowd.home.pool("usage", "summary", "--since", "all", "--json").json["total"]
    for name, more in {"requests": len(asked), "input_tokens": sum(crowd.servers.input.values())}.items():
        if after[name] != crowd.before["total"][name] + more:
            yield f"{name}: {after[name]}, not {crowd.before['total'][name]} and {more}"


def decisions(crowd: Crowd) -> Iterator[str]:
    """Tell which decisions are lost: the last of each holds; of what all decide about, one of the last."""
    known = crowd.data("policy.json")["policies"]
    last: dict[str, Any] = {line["who"]: line for line in crowd.of("decide", "forget")}
    for who, line in last.items():
        entry = known.get(f"one/{who}")
        wanted = str(line["n"]) if line["kind"] == "decide" else None
        if (entry or {}).get("reason") != wanted:
            yield f"{who} decided {wanted}, and it says {entry}"
    shared = crowd.of("decide_for_shared")
    may_be = {f"{line['who']} {line['n']}" for line in overlap(shared)} if shared else {None}
    if known.get("one/shared", {}).get("reason") not in may_be:
        yield f"it says {known.get('one/shared')}, not one of {may_be}"
    prices = crowd.data("prices.json")["custom"]
    for who, line in {line["who"]: line for line in crowd.of("price")}.items():
        if prices[f"{who}/m"]["input"] != str(line["n"]):
            yield f"{who} set a price of {line['n']}: {prices[f'{who}/m']}"


def config(crowd: Crowd) -> Iterator[str]:
    """Tell which edits are lost: everybody's last change of the config is in it, and every remark."""
    text = crowd.home.config.read_text(encoding="utf-8")
    told = tomllib.loads(text)
    declared = {each["id"]: each for each in told["models"]}
    mine: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
    for line in crowd.of("time_out", "disable", "enable", "declare", "add_key"):
        mine[line["who"]]["enabled" if line["kind"] in ("disable", "enable") else line["kind"]].append(line)
    for who, changes in mine.items():
        table = told["providers"][f"own-{who}"]
        if f"{MARK}: {who}" not in text:
            yield f"the remark of {who} is gone"
        found = {
            "time_out": table.get("timeout"),
            "enabled": "disable" if table.get("enabled") is False else "enable",
            "declare": declared.get(f"own-{who}/m", {}).get("context_window"),
            "add_key": [key["label"] for key in table.get("keys", [table["key"]] if "key" in table else [])],
        }
        wanted = {name: _wanted(name, lines) for name, lines in changes.items()}
        for name, value in wanted.items():
            if found[name] != value:
                yield f"{who} {name}: {found[name]}, not {value}"


def _wanted(name: str, lines: list[dict[str, Any]]) -> Any:
    last = lines[-1]
    return {
        "time_out": f"{1000 + last['n']}s", "enabled": last["kind"], "declare": 1000 * last["n"],
        "add_key": [f"k{line['n']}" for line in lines],
    }[name]  # fmt: skip


def sessions(crowd: Crowd) -> Iterator[str]:
    """Tell which turns are lost: one's own are all there in order, those of all each of them once."""
    for who in {line["who"] for line in crowd.of("say")}:
        said = _said(crowd, who)
        if said != [f"turn {line['n']}." for line in crowd.of("say") if line["who"] == who]:
            yield f"{who} said {said}"
    wanted = sorted(f"{line['who']} turn {line['n']}." for line in crowd.of("say_together"))
    if wanted and sorted(_said(crowd, "together")) != wanted:
        yield f"together was said {_said(crowd, 'together')}, not {wanted}"


def guests(crowd: Crowd) -> Iterator[str]:
    """Tell which guests are lost: who was added is there, with its models, until it is removed."""
    for line in crowd.of("find"):
        guest = f"guest-{line['who']}-{line['n']}"
        if f"{guest}/m" not in {each["id"] for each in _json(line)["models"]}:
            yield f"{guest} has no models, though it was added"
    there = tomllib.loads(crowd.home.config.read_text(encoding="utf-8"))["providers"]
    added, removed = ({line["argv"][2] for line in crowd.of(kind)} for kind in ("add", "remove"))
    if added - removed != {name for name in there if name.startswith("guest-")}:
        yield f"of {added} without {removed} there are {list(there)}"


def inventories(crowd: Crowd) -> Iterator[str]:
    """Tell which listings are older than they should be: no listing takes the place of a newer one."""
    known = crowd.data("inventory.json")
    for name in SHARED:
        seen = [line for line in crowd.of("refresh_one") if line["argv"][1] == name] + crowd.of("refresh")
        if not seen:
            continue
        began = max(line["began"] for line in seen)
        least = max((number for at, number in crowd.servers.served[name] if at < began), default=0)
        ids = [each["name"] if "name" in each else str(each) for each in known["providers"][name]["models"]]
        number = max(int(each.rpartition("-")[2]) for each in ids if "listing-" in each)
        if number < least:
            yield f"{name} is known by listing {number}, though {least} came after it"


def remains(crowd: Crowd) -> Iterator[str]:
    """Tell what is left over: nothing is set aside as corrupt, and no temporary file is left."""
    for path in crowd.home.dir.rglob("*"):
        if ".corrupt-" in path.name or path.name.endswith(".tmp"):
            yield path.name


CHECKS: tuple[Check, ...] = (
    codes, documents, chats, summaries, decisions, config, sessions, guests, inventories, remains
)  # fmt: skip


def wrong(crowd: Crowd) -> list[str]:
    """List all that is wrong."""
    return [f"{check.__name__}: {what}" for check in CHECKS for what in check(crowd)]


def figures(crowd: Crowd, seconds: float) -> Iterator[str]:
    """Yield the figures: how much was done, how long what lock was waited for, how often it was too busy."""
    ran = [line for line in crowd.lines if line["kind"] != "look"]
    looks = len(crowd.lines) - len(ran)
    yield f"{crowd.town.members} members, {len(ran)} commands and {looks} looks in {seconds:.0f} s"
    yield f"{'command':20}{'ran':>6}{'busy':>6}{'longest s':>11}{'longest wait for a lock, ms':>30}"
    for kind in sorted({line["kind"] for line in ran}):
        mine = [line for line in ran if line["kind"] == kind]
        waits = max(((wait, name) for line in mine for name, wait in line["waits"]), default=(0.0, "none"))
        busy = sum(line["code"] == BUSY for line in mine)
        took = max(line["ended"] - line["began"] for line in mine)
        yield f"{kind:20}{len(mine):>6}{busy:>6}{took:>11.2f}{waits[0] * 1000:>12.1f} {waits[1]}"
    locks: dict[str, list[float]] = defaultdict(list)
    for line in ran:
        for name, wait in line["waits"]:
            locks[name].append(wait)
    yield f"{'lock':20}{'taken':>6}{'median ms':>11}{'longest ms':>12}"
    for name, waited in sorted(locks.items()):
        waited.sort()
        median, longest = waited[len(waited) // 2] * 1000, waited[-1] * 1000
        yield f"{name[:19]:20}{len(waited):>6}{median:>11.2f}{longest:>12.1f}"


def _said(crowd: Crowd, name: str) -> list[str]:
    shown = crowd.home.here("chat", "--show", name, "--json").json
    return [message["text"] for message in shown["turns"] if message["role"] == "user"]


def _json(line: dict[str, Any]) -> Any:
    return json.loads(line["out"])
