"""A pool as large as its owner never wanted it: config, health, policies, sessions, history, all at once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from llmpool.core.policy import Policy
from llmpool.core.routing import Experience
from llmpool.state import health, history, policy
from tests.benchmarks._scale_fill import Size
from tests.support import Home, model, provider

OFTEN = "long"  # the session that nobody ever ended
_LONG_AGO = "2026-01-02T03:04:05Z"
_KEPT = 'local_first = true\n[usage]\nretention = "0d"\n[policy]\nunpriced = "allow"'
_BUDGETS = (
    '[budgets.month]\nlimit = "1000000"\nper = "month"\n[budgets.all]\nlimit = "1000000"\nper = "total"'
)


def configure(home: Home, size: Size, port: int) -> None:
    """Write a config with all providers, and one declared model in ten, which has an alias."""
    tables = [
        provider(f"p{n}", f"http://127.0.0.1:{port}/p{n}/v1", location="cloud" if n % 2 else "local")
        for n in range(size.providers)
    ]
    tables += [
        model(size.ref(n), quality=n // 10 % 11, aliases=[f"alias-{n}"])
        for n in range(0, size.deployments, 10)
    ]
    home.write_config(_KEPT, _BUDGETS, *tables)
    home.config.chmod(0o600)


def observe(home: Home, size: Size, now: float, turns: int) -> None:
    """Ask all providers, then decide, learn and remember about a tenth of what they have, or all of it."""
    subprocess.run(
        [sys.executable, "-m", "llmpool", "refresh", "--quiet"],
        env=home.env,
        check=True,
        stdout=subprocess.PIPE,
    )
    refs = [size.ref(number) for number in range(size.deployments)]
    some = {ref: Policy(state="flagged", reason="watched", updated_at=_LONG_AGO) for ref in refs[1::10]}
    policy.update(home.state, lambda _: some)
    health.update(home.state, lambda known: _learn(known, refs, size, now))
    _type(home.state)
    _converse(home.state, turns)


def _learn(known: health.Health, refs: list[str], size: Size, now: float) -> None:
    """Give every deployment its experience, every provider its contact, and let one in twenty rest."""
    known.experience.update({ref: Experience(90, 3, 700, 900) for ref in refs})
    names = [f"p{number}" for number in range(size.providers)]
    known.contact.update({name: {"at": now, "kind": "", "message": ""} for name in names})
    known.latency.update(dict.fromkeys(names, 700.0))
    rest = {"until": now + 3 * 86_400, "seconds": 3600.0, "reason": "server"}
    counted = {"failures": 3, "passing": 0, "at": now, "told": 0.0}
    known.cooldowns.update({f"deployment:{ref}": rest | counted for ref in refs[2::20]})


def _type(state: Path) -> None:
    """Let all that is kept of what was typed be there."""
    typed = [{"text": f"what is {number} and why", "session": OFTEN} for number in range(history.MOST)]
    envelope = {"version": 1, "written_at": _LONG_AGO, "data": {"typed": typed}}
    (state / history.NAME).write_text(json.dumps(envelope))
    (state / history.NAME).chmod(0o600)


def _converse(state: Path, turns: int) -> None:
    """Write a long session, and a tenth as many others of ten turns each."""
    folder = state / "sessions"
    folder.mkdir(mode=0o700, exist_ok=True)
    for name, count in [(OFTEN, turns), *((f"s{number}", 100) for number in range(turns // 10))]:
        path = folder / f"{name}.jsonl"
        path.write_text("".join(_turn(number) for number in range(count)), encoding="utf-8")
        path.chmod(0o600)


def _turn(number: int) -> str:
    text = f"turn {number}: a sentence that says very little, but does so politely"
    who = {"role": "assistant", "deployment": "p0/m0"} if number % 2 else {"role": "user"}
    return json.dumps({"at": _LONG_AGO, "text": text} | who) + "\n"
