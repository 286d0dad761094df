"""Ask many prompts at once while all but one of five providers fail, and print what that took.

Attempts a prompt beside the least there could be; for each provider its requests, how many fell into one
minute, what was done to them, and how its deployments and keys rest in the end. It ends with 1 when a prompt
was not answered whole, or not recorded exactly once.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.chaos import storm
from tests.chaos.weather import Weather
from tests.support import Home


def describe(options: argparse.ArgumentParser) -> None:
    """Add the options of this benchmark."""
    options.add_argument("--prompts", type=int, default=500, help="how many (default 500)")
    options.add_argument("--workers", type=int, default=20, help="processes at a time (default 20)")
    options.add_argument("--seed", type=int, default=1, help="which provider works, and what the others do")
    options.add_argument("--hiccup", type=float, default=0.0, help="how often even that one fails (0 to 1)")
    options.add_argument("--strategy", default="score", help="how candidates are ranked (default score)")


def run(options: argparse.Namespace) -> None:
    """Run it and print the figures."""
    with (
        tempfile.TemporaryDirectory(prefix="llmpool-chaos-") as directory,
        Weather(options.seed, hiccup=options.hiccup) as world,
    ):
        routing = (f'strategy = "{options.strategy}"',)
        home = Home(Path(directory))
        came = storm.run(home, world, prompts=options.prompts, workers=options.workers, routing=routing)
        print("\n".join(came.figures()))
        wrong = [*came.failures(), *came.recorded_once()]
        print("\n".join(wrong) or "every prompt was answered whole, and recorded once")
        if wrong:
            sys.exit(1)
