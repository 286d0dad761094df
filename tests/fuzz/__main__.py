"""The long run: random plans on every target for as long as it is told to; what fails is shrunk and shown."""

from __future__ import annotations

import argparse
import faulthandler
import random
import sys
import time
import traceback

from tests.fuzz import plan as plans
from tests.fuzz.plan import Plan
from tests.fuzz.promise import Target
from tests.fuzz.targets import targets

HANGS = 120  # seconds that one example may take: no more than a detector of those that never end
KINDS = 6  # different failures of one target that are shown


def main() -> int:
    """Run what is named on the command line, or all."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", help="targets, by the beginning of their names")
    parser.add_argument("--minutes", type=float, default=1.0, help="in all, shared out evenly")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    chosen = [t for t in targets() if not given.names or t.name.startswith(tuple(given.names))]
    each = given.minutes * 60 / max(1, len(chosen))
    failed = 0
    for target in chosen:
        tried, slowest, found = hunt(target, each, given.seed)
        failed += len(found)
        print(
            f"{target.name:40} {tried:9,} examples, {slowest:6.2f} s CPU at most, {len(found)} failures",
            flush=True,
        )
        for shown in found.values():
            print(shown, flush=True)
    return 1 if failed else 0


def hunt(target: Target, seconds: float, seed: int) -> tuple[int, float, dict[str, str]]:
    """Try plans for so long; return how many, the longest time of one, an account of each kind of failure."""
    source = random.Random(f"{target.name} {seed}")
    found: dict[str, str] = {}
    tried, slowest, until = 0, 0.0, time.monotonic() + seconds
    while time.monotonic() < until and len(found) < KINDS:
        plan = plans.drawn(source)
        tried += 1
        begun = time.process_time()
        where = failure(target, plan)
        slowest = max(slowest, time.process_time() - begun)
        if where and where not in found:
            small = plans.smallest(plan, lambda other, same=where: failure(target, other) == same)
            found[where] = account(target, small)
    return tried, slowest, found


def failure(target: Target, plan: Plan) -> str:
    """Say where an example failed; nothing when it did not."""
    faulthandler.dump_traceback_later(HANGS, exit=True)
    try:
        target.run(plan)
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        own = [f for f in traceback.extract_tb(error.__traceback__) if "/llmpool/" in f.filename][-1:]
        return f"{type(error).__name__} at {[(f.filename[-30:], f.lineno) for f in (*own, last)]}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    return ""


def account(target: Target, plan: Plan) -> str:
    """Tell a failure: the plan, the document, the trace."""
    try:
        target.run(plan)
    except Exception:
        trace = "\n".join(line[:200] for line in traceback.format_exc().splitlines()[-14:])
        document = target.document(plan)
        return f"--- {target.name} {plan!r}\n{document[:700]!r}\n({len(document)} bytes)\n{trace[-2500:]}"
    return f"--- {target.name} {plan!r}: not again"


if __name__ == "__main__":
    sys.exit(main())
