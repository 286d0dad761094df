"""Write what is made of the commands and of the config: `python -m llmpool.cli.manual [--check]`.

That is `man/`, `completions/` and `llmpool/data/schemas/`. What is written depends on the program alone: not
on the day, the terminal, the environment or the Python.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import typer

from llmpool.cli import documents
from llmpool.cli.app import COMMANDS
from llmpool.cli.completion import script
from llmpool.cli.configpage import NAME, config_page
from llmpool.cli.editor_schema import document
from llmpool.cli.frontpage import front_page
from llmpool.cli.manpage import Entry, command_page
from llmpool.cli.tree import LazyGroup, root
from llmpool.data.schemas import CONFIG_SCHEMA, OUTPUT
from llmpool.errors import Exit

SCRIPTS = {"llmpool.bash": "bash", "_llmpool": "zsh", "llmpool.fish": "fish", "llmpool.ps1": "powershell"}
SCHEMAS = "llmpool/data/schemas"
ALL_OF_THEM = ("man/**/*.[0-9]", f"{SCHEMAS}/*.json", f"{SCHEMAS}/{OUTPUT}/*.json")


def tree() -> Entry:
    """Load every command there is."""
    group = typer.main.get_command(root)
    if isinstance(group, LazyGroup):
        for name in COMMANDS:
            group.load(name)
    return Entry((), group)


def files() -> dict[str, str]:
    """Return every generated file: its path in the repository, and what has to stand in it."""
    top = tree()
    made = {"man/man1/llmpool.1": front_page(top), f"man/man5/{NAME}.5": config_page()}
    made |= {f"man/man1/{each.page}.1": command_page(each) for each in top.verbs}
    made |= {f"completions/{name}": script(shell).rstrip("\n") + "\n" for name, shell in SCRIPTS.items()}
    made |= {f"{SCHEMAS}/{CONFIG_SCHEMA}": document()}
    return made | {f"{SCHEMAS}/{OUTPUT}/{name}": text for name, text in documents.files().items()}


def differences(repository: Path, made: dict[str, str]) -> Iterator[str]:
    """Name the files that are not as they should be: changed, missing, or of a command that is gone."""
    for name, wanted in made.items():
        path = repository / name
        if not path.is_file() or path.read_bytes() != wanted.encode():
            yield name
    for pattern in ALL_OF_THEM:
        there = (path.relative_to(repository).as_posix() for path in sorted(repository.glob(pattern)))
        yield from (name for name in there if name not in made)


def write(repository: Path, made: dict[str, str], names: list[str]) -> None:
    """Bring the files *names* to what they should be; those of commands that are gone are deleted."""
    for name in names:
        path = repository / name
        if name in made:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(made[name].encode())
        else:
            path.unlink()


def main(arguments: list[str]) -> int:
    """Write what differs and name it; with `--check` only name it, and return 1."""
    repository = Path.cwd()
    project = repository / "pyproject.toml"
    if not project.is_file() or not re.search(r'(?m)^name = "llmpool"', project.read_text(encoding="utf-8")):
        sys.stderr.write(
            f"error: {repository} is not llmpool's repository\n  run it where pyproject.toml is\n"
        )
        return Exit.USAGE
    if arguments not in ([], ["--check"]):
        sys.stderr.write("usage: python -m llmpool.cli.manual [--check]\n")
        return Exit.USAGE
    made = files()
    names = list(differences(repository, made))
    if not arguments:
        write(repository, made, names)
    sys.stdout.write("".join(f"{name}\n" for name in names))
    return 1 if arguments and names else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
