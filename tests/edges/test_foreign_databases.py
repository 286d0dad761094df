"""Databases of other programs that are damaged are told by name, whatever words SQLite has for that."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from llmpool.errors import Misuse
from llmpool.importers import database, tables, usage_source


def _tables(path: Path) -> Any:
    with tables.opened(path) as found:
        return tables.tables(found)


READERS = (lambda path: list(usage_source.read(path)), _tables, lambda path: database.value_of(path, "k"))


@pytest.mark.parametrize("read", READERS, ids=["usage", "pool", "editor"])
def test_a_database_whose_names_are_no_utf8_is_told(read: Callable[[Path], Any], tmp_path: Path) -> None:
    """SQLite's own error quotes such a name, and Python cannot decode it."""
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE pp_usage (id TEXT)")
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"tablepp_", b"tablep\x85_").replace(b"CREATE TABLE", b"CREATE TABLX"))
    with pytest.raises(Misuse, match=r"x\.db (cannot be read|is no state)"):
        read(path)
