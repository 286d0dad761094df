"""What a word about a key or a table of `config.toml` is made of."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """One key: what it means, an example as TOML writes it, and its default where no record has it."""

    about: str
    example: str
    default: str = ""


class Table(NamedTuple):
    """One table: what it is for, its keys, and an example of the whole."""

    about: str
    keys: dict[str, Key]
    example: str = ""


NONE = "none"
OF_ROUTING = "that of `[routing]`"
OBSERVED = "what is observed"
