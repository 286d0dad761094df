"""Bring in what other tools have: choose what a source offers, and say what was left and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from llmpool.config.presets import presets
from llmpool.core.near import meant, near
from llmpool.core.provider import Preset
from llmpool.errors import LlmpoolError, Misuse, NoCredential, UnknownName
from llmpool.importers import cc_switch, dotenv
from llmpool.importers.found import BEARER, TOKEN, Found, Wanted, key_of, variable_of
from llmpool.importers.tools import TOOLS
from llmpool.pool import Pool
from llmpool.setup import import_proxy, import_survey
from llmpool.setup.bringing import FAILED, PRESENT, SKIPPED, Keeping, Step, bring
from llmpool.setup.import_survey import Account, Entry, Survey
from llmpool.setup.import_targets import wanted

ALL, CC_SWITCH, DOTENV, GEMINI = "all", "cc-switch", "dotenv", "gemini-cli"


class Wish(NamedTuple):
    """What to bring in: a tool, `all`, or a file; its logins too, taken over or only used."""

    source: str
    path: str = ""
    label: str = ""
    proxy: bool = False
    logins: bool = False
    take_over: bool = False


class Plan(NamedTuple):
    """What will be brought in, and what will not with the reason."""

    orders: tuple[Wanted, ...]
    accounts: tuple[Account, ...] = ()
    skipped: tuple[Step, ...] = ()
    notes: tuple[str, ...] = ()


def sources() -> list[str]:
    """Name everything that can be brought in."""
    return [*TOOLS, GEMINI, DOTENV, CC_SWITCH, ALL]


def plan(pool: Pool, wish: Wish, text: str = "") -> Plan:
    """Decide what *wish* comes to; *text* is what came in on standard input, for cc-switch.

    Raises UnknownName for what is no source, NoCredential where the source has nothing at all.
    """
    if wish.proxy:
        return _of_proxy(pool, wish)
    if wish.source == CC_SWITCH:
        return _chosen(import_survey.judged(pool, [cc_switch.parse(text)]), wish)
    file = _dotenv_file(wish)
    if file:
        return _chosen(import_survey.judged(pool, of_dotenv(file)), wish)
    if wish.source not in sources():
        raise _unknown(wish.source)
    seen = import_survey.survey(pool)
    made = _chosen(_entries(seen, wish.source), wish, list(_accounts(seen, wish.source)))
    if not made.orders and not made.accounts and not made.skipped:
        raise _nothing(seen, wish.source)
    return made


def carry_out(pool: Pool, made: Plan, keeping: Keeping, *, wish: Wish, dry_run: bool = False) -> list[Step]:
    """Bring in what was planned, or only say what that would do; what was left is told as well.

    Raises what failed first where nothing could be brought in.
    """
    steps = bring(pool, made.orders, dry_run=dry_run, keeping=keeping)
    if made.accounts:
        from llmpool.setup import import_logins

        take = wish.take_over
        steps += [
            import_logins.adopt(pool, each, keeping, take_over=take, dry_run=dry_run)
            for each in made.accounts
        ]
    errors = [step.error for step in steps if step.action == FAILED]
    if errors and errors[0] and len(errors) == len(steps):
        raise errors[0]
    return [*steps, *made.skipped]


def failed(steps: Iterable[Step]) -> bool:
    """Say whether something could not be brought in that should have been."""
    return any(step.action == FAILED for step in steps)


def listed(pool: Pool) -> Survey:
    """List what all sources have, and a `.env` file in this directory, where there is one."""
    place = Path(".env")
    try:
        here = list(of_dotenv(place)) if place.exists() else []
    except LlmpoolError as error:
        seen = import_survey.survey(pool)
        return seen._replace(problems=(*seen.problems, error.message))
    return import_survey.survey(pool, more=here)


def of_dotenv(path: Path) -> Iterator[Found]:
    """Yield the keys of a `.env` file, each with the address beside it: by presets, then by their names."""
    variables = dotenv.read(path)
    known = {name: row for row in reversed(presets().values()) for name in row.env if not row.oauth}
    known[TOKEN] = presets()["anthropic"]
    done = set[str]()
    for name in variables:
        row = known.get(name)
        if (
            variables[name]
            and (name == TOKEN or name.endswith("_KEY" if row else "_API_KEY"))
            and (row.id if row else name) not in done
        ):
            done.add(row.id if row else name)
            yield _of_variable(path, variables, name, row)


def _of_variable(path: Path, variables: dict[str, str], name: str, row: Preset | None) -> Found:
    stem = name.removesuffix("_API_KEY")
    urls = row.url_env if row else tuple(stem + end for end in ("_BASE_URL", "_API_BASE", "_URL"))
    own = stem.lower().replace("_", "-")
    return Found(
        tool=DOTENV,
        name=path.name,
        source=DOTENV,
        path=str(path),
        provider=row.id if row else own,
        wanted=f"custom-{row.id}-{DOTENV}" if row else own,
        title=f"{row.name if row else own} (from {path.name})",
        url=next((variables[each] for each in urls if variables.get(each)), ""),
        format=row.format if row else "openai",
        key=key_of(variables[name]),
        key_env=variable_of(variables[name]),
        auth=BEARER if name == TOKEN else "",
        label=f"Imported from {path.name}",
    )


def _chosen(entries: Iterable[Entry], wish: Wish, accounts: Iterable[Account] = ()) -> Plan:
    """Part what can be brought in from what cannot."""
    orders, skipped, notes = [], [], []
    for entry in entries:
        if entry.importable:
            orders.append(wanted(entry.found, entry.target, wish.label))
        else:
            name = entry.target.provider or entry.found.provider or entry.found.tool
            action, why = (PRESENT, "") if entry.imported else (SKIPPED, entry.why)
            skipped.append(Step(name, entry.found.label, action, why))
    logins = list(accounts)
    if logins and not wish.logins:
        names = ", ".join(dict.fromkeys(each.login.name for each in logins))
        notes.append(f"logged in: {names}; --logins uses that too, --take-over renews it here as well")
    return Plan(tuple(orders), tuple(logins) if wish.logins else (), tuple(skipped), tuple(notes))


def _entries(seen: Survey, source: str) -> list[Entry]:
    """Return the finds of a source; among all of them, the same key under another tool's name counts once."""
    if source == ALL:
        return [each for each in seen.entries if not each.repeats]
    return [each for each in seen.entries if each.found.tool == source]


def _accounts(seen: Survey, source: str) -> Iterator[Account]:
    yield from (each for each in seen.accounts if source in (ALL, each.login.tool))


def _of_proxy(pool: Pool, wish: Wish) -> Plan:
    if wish.source not in TOOLS:
        raise _unknown(wish.source, "--proxy is for one tool: ")
    tool, _ = TOOLS[wish.source]
    entries = import_survey.survey(pool).entries
    mine = [each.found for each in entries if each.found.tool == tool.id]
    found = next((each for each in mine if each.proxy), next(iter(mine), None))
    order, proxy = import_proxy.order(pool, tool, found, wish.label)
    return Plan((order,), notes=(f"{proxy.url} answers and lists {proxy.models} models",))


def _dotenv_file(wish: Wish) -> Path | None:
    """Return the `.env` file that is meant: named after `dotenv`, or in its place as a path."""
    if wish.source == DOTENV:
        return Path(wish.path or ".env")
    named = Path(wish.source)
    is_path = named.name.startswith(".env") or named.suffix == ".env" or len(named.parts) > 1
    return named if is_path and wish.source not in TOOLS else None


def _unknown(name: str, words: str = "") -> UnknownName:
    from llmpool.setup.moving_in import SOURCES

    names = sources() if words else [*sources(), *SOURCES]
    hint = meant(near(name, names), f"one of: {', '.join(names)}")
    return UnknownName(f'{words}"{name}" is no source', hint=hint, details={"candidates": names})


def _nothing(seen: Survey, source: str) -> LlmpoolError:
    """Say where was looked for a source that has nothing."""
    mine = [each for each in seen.tools if source in (ALL, each.tool.id)]
    errors = [each.error for each in mine if each.error]
    if errors and source != ALL:
        return Misuse(errors[0], hint="mend the file, then try again")
    if any(_accounts(seen, source)):
        way = f"llmpool providers import {source} --logins    uses that login"
        return NoCredential(f"{source}: there is no key, but somebody is logged in", hint=way)
    if source == ALL:
        return NoCredential("no other tool on this machine has a key", hint="llmpool providers add PRESET")
    places = tuple(str(path) for each in mine for path in each.searched)
    names = " or ".join(name for each in mine for name in each.tool.key_env)
    hint = f"it would also read {names}" if names else "log in there first"
    return NoCredential(
        f"{source}: nothing found", lines=tuple(f"looked at {path}" for path in places), hint=hint
    )
