"""Run every figure of the design, or one benchmark by name: `python -m tests.benchmarks startup --runs 15`.

Without a name: a table of all figures, each side by side with its anchor in one run (`--quick` in 2 minutes),
with the peers beside it where `peers --install DIR` has put them. Each module beside this one is a benchmark:
`describe(parser)` adds its options, `run(options)` prints figures.
"""

from __future__ import annotations

import argparse
import importlib
import pkgutil

import tests.benchmarks
from tests.benchmarks import _everything


def main() -> None:
    """Parse the command line and run what it names."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _everything.describe(parser)
    parser.set_defaults(run=_everything.run)
    choices = parser.add_subparsers(metavar="BENCHMARK")
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
