"""Run llmpool: `python -m llmpool` and the console script."""

# The C module: `signal` itself makes enums, during which Ctrl-C would print a trace of half an import.
from _signal import SIG_DFL, SIGINT, signal  # type: ignore[import-not-found]

# Until the command ladder stands, Ctrl-C ends the process as any other.
signal(SIGINT, SIG_DFL)

import gc  # noqa: E402
import os  # noqa: E402

# A run is short: collecting cycles costs a tenth of its start-up and frees nothing that matters.
gc.disable()


def main() -> int:
    """Answer a shell, `--version` and nothing at all at once; leave the rest to the command tree."""
    import sys

    if "_LLMPOOL_COMPLETE" in os.environ:
        from llmpool.cli import quick

        if sys.stdout is not None and quick.answered():
            return 0
    elif sys.argv[1:] in (["--version"], ["-V"]) and _version_is_told():
        return 0
    elif not sys.argv[1:]:
        from llmpool.cli import alone, context

        return alone.greet(context.Terminal(context.Globals()))
    from llmpool.cli.app import run

    try:
        return run(sys.argv[1:])
    finally:
        gc.freeze()  # nothing is worth a last collection at exit


def _version_is_told() -> bool:
    """Tell the version; False where stdout takes nothing: the ladder of all commands says so."""
    import sys

    from llmpool import __version__

    try:
        return os.write(sys.stdout.fileno(), f"llmpool {__version__}\n".encode()) > 0
    except (AttributeError, OSError):  # there is no stdout where it is closed
        return False


if __name__ == "__main__":
    raise SystemExit(main())
