"""Run one benchmark by name: `python -m tests.benchmarks startup --runs 15`.

Each module beside this one is a benchmark: `describe(parser)` adds its options, `run(options)` prints
figures.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil

import tests.benchmarks


def main() -> None:
    """Parse the command line and run what it names."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=tests.benchmarks.__doc__)
    choices = parser.add_subparsers(required=True, metavar="BENCHMARK")
    for found in pkgutil.iter_modules(tests.benchmarks.__path__):
        if not found.name.startswith("_"):
            module = importlib.import_module(f"tests.benchmarks.{found.name}")
            first_line = (module.__doc__ or "").partition("\n")[0]
            options = choices.add_parser(found.name, help=first_line, description=module.__doc__)
            module.describe(options)
            options.set_defaults(run=module.run)
    given = parser.parse_args()
    given.run(given)


if __name__ == "__main__":
    main()
