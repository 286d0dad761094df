"""setup.moving_in on broken and hostile files: told in words or left out by name, never a crash."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from llmpool.config.paths import Paths
from llmpool.errors import LlmpoolError, Misuse
from llmpool.importers import zimaos
from llmpool.importers.zimaos_time import instant
from llmpool.pool import Pool, open_pool
from llmpool.setup import moving_in
from llmpool.setup.moving_logins import Manner
from llmpool.setup.moving_plan import Plan
from tests.edges import foreign_pools as foreign
from tests.edges.config_text import PLANTED

FILE = Manner(where="file", plaintext=True)
ESCAPE = {"../escape": {"provider": foreign.zima_provider("../escape", base_url="https://e.example")}}


@pytest.fixture
def pool(tmp_path: Path) -> Pool:
    paths = Paths(tmp_path / "config.toml", tmp_path / "state", tmp_path / "secrets.json")
    return open_pool(paths, env={})


def said(made: Plan) -> str:
    return "\n".join(f"{step.what} {step.why}" for step in made.steps)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-02T07:25:00Z", 1772436300.0),
        ("2026-03-02 07:25:00+00:00", 1772436300.0),
        ("2026-03-02T09:25:00.123456789+02:00", 1772436300.123456),
        ("not-a-time", 0.0),
        ("0001-01-01T00:00:00Z", 0.0),
        ("9999-99-99T00:00:00Z", 0.0),
        (None, 0.0),
    ],
)
def test_times_are_read_leniently(text: object, seconds: float) -> None:
    """Pool-ledger-credentials 28 and 4.2: a time that is none is unset, and the rest of its row counts."""
    assert instant(text) == pytest.approx(seconds)


@pytest.mark.parametrize("storage", ["files", "database"])
@pytest.mark.parametrize("at", ["2026-03-02 07:25:00", "not-a-time"])
def test_worked_example_28(pool: Pool, tmp_path: Path, storage: str, at: str) -> None:
    """Pool-ledger-credentials 28: a row with a bad time loads, its time local, or unset where it is none."""
    assert bool(instant(at)) is (at != "not-a-time")
    entry = {"x": {"provider": foreign.zima_provider("x", base_url="https://x.example", updated_at=at)}}
    if storage == "files":
        foreign.zimaos_files(tmp_path / "z", entry)
    else:
        foreign.zimaos_database(tmp_path / "z" / "zima.db", entry)
    made = moving_in.plan(pool, "zimaos", str(tmp_path / "z"))
    assert made.providers["x"]["url"] == "https://x.example"


def test_the_newer_of_two_storages_counts(pool: Pool, tmp_path: Path) -> None:
    """Where files and a database both have a provider, the one that was changed last is taken."""
    for place, at, url in (
        ("pool/providers.json", "2026-05-01 00:00:00", "new"),
        ("old", "not-a-time", "old"),
    ):
        row = foreign.zima_provider("x", base_url=f"https://{url}.example", updated_at=at)
        if url == "new":
            foreign.write(tmp_path / "z" / place, {"providers": {"x": {"provider": row}}})
        else:
            foreign.zimaos_database(tmp_path / "z" / "zima.db", {"x": {"provider": row}})
    made = moving_in.plan(pool, "zimaos", str(tmp_path / "z"))
    assert made.providers["x"]["url"] == "https://new.example"


@pytest.mark.parametrize("storage", ["files", "database"])
def test_an_id_that_would_escape_is_refused(pool: Pool, tmp_path: Path, storage: str) -> None:
    """Pool-ledger-credentials 27: `../escape` is named and left, and no file appears outside."""
    (foreign.zimaos_files if storage == "files" else foreign.zimaos_database)(tmp_path / "z" / "a.db", ESCAPE)
    made = moving_in.plan(pool, "zimaos", str(tmp_path / "z" / "a.db"))
    assert "../escape" in made.skipped
    assert "provider ../escape its id cannot name a provider" in said(made)
    moving_in.carry_out(pool, made, FILE)
    assert not list(tmp_path.parent.glob("escape*"))
    assert "escape" not in pool.paths.config.read_text()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("providers.json", ""),
        ("providers.json", "{"),
        ("providers.json", '{"providers": {}}'),
        ("something.json", "[]"),
        ("something.json", '{"providers": 7}'),
        ("providers.json", "[" * 100_000),
        ("provider_settings.json", '{"providers": []}'),
        ("a.db", "SQLite format 3\0 and nothing behind it"),
    ],
)
def test_broken_files_are_told_or_empty(pool: Pool, tmp_path: Path, name: str, content: str) -> None:
    """A file that is damaged, or something else, is told with its name; an empty one does nothing."""
    path = foreign.write(tmp_path / "z" / name, content)
    try:
        made = moving_in.plan(pool, "zimaos", str(path))
    except Misuse as error:
        assert path.name in error.message or str(path.parent) in error.message  # noqa: PT017
    else:
        assert not made.changes


@pytest.mark.parametrize("source", ["zimaos", "gopherclaw", "thane"])
def test_nothing_there_is_told_with_what_to_name(pool: Pool, tmp_path: Path, source: str) -> None:
    """A place that is not there, or has nothing of the kind, is told, and what would be looked for."""
    for place in (tmp_path / "none", tmp_path):
        with pytest.raises(Misuse) as caught:
            moving_in.plan(pool, source, str(place))
        assert str(place) in caught.value.message
        assert caught.value.hint


def test_a_view_in_the_place_of_a_table_is_not_asked(pool: Pool, tmp_path: Path) -> None:
    """A database whose tables are views is nothing of ZimaOS: a view runs whatever it says."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE VIEW pp_providers AS SELECT 'x' AS id, '{}' AS data")
    made = moving_in.plan(pool, "zimaos", str(path))
    assert not made.changes


def test_a_damaged_row_is_left_alone(pool: Pool, tmp_path: Path) -> None:
    """One provider whose row is no JSON is named, and the others come."""
    entries = foreign.ENTRIES | {"broken": {"provider": "{oops"}}
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_database(tmp_path / "z.db", entries)))
    assert "provider broken its row in the database is damaged" in said(made)
    assert "gateway" in made.providers


def test_the_originals_stay_as_they_are(pool: Pool, tmp_path: Path) -> None:
    """Reading a database leaves no file beside it and changes none, its write-ahead log included."""
    path = foreign.zimaos_database(tmp_path / "z" / "a.db")
    with closing(sqlite3.connect(path)) as writing:
        writing.execute("PRAGMA journal_mode = WAL")
        writing.execute("UPDATE pp_pricing SET updated_at = 'x'")
        writing.commit()
        before = {each.name: each.read_bytes() for each in path.parent.iterdir()}
        moving_in.plan(pool, "zimaos", str(path.parent))
        assert {each.name: each.read_bytes() for each in path.parent.iterdir()} == before


def test_names_that_are_secrets_or_escapes_are_not_shown(pool: Pool, tmp_path: Path) -> None:
    """A name that is a key, or carries escapes of terminals, is hidden or made harmless."""
    row = foreign.zima_provider("x", base_url="https://x.example", api_keys=[foreign.zima_key(PLANTED)])
    entries = {
        PLANTED: {"provider": foreign.zima_provider(PLANTED, base_url="https://y.example")},
        "a\x1b[31mb": {"provider": foreign.zima_provider("a")},
        "x": {"provider": row, "api_keys": [foreign.SECOND]},
        "user": {"provider": foreign.zima_provider("user", base_url=f"https://u:{PLANTED}@x.example")},
    }
    made = moving_in.plan(pool, "zimaos", str(foreign.zimaos_files(tmp_path / "z", entries)))
    assert PLANTED not in said(made)
    assert "\x1b" not in said(made)
    assert [(order.provider, order.label) for order in made.orders] == [("x", "default")]
    assert "a user name or password in the URL is a secret" in said(made)
    assert list(made.providers) == ["x", "github-copilot"]


def test_logins_of_one_person_are_one(tmp_path: Path) -> None:
    """Example 33: of two tokens of one provider and e-mail the later stays; those without one all stay."""
    tokens = {
        f"github-copilot:{number}": {
            "provider_id": provider,
            "provider_type": "copilot",
            "access_token": f"{foreign.TOKEN}{number}",
            "email": email,
            "token_expiry": f"2026-11-2{number}T00:00:00Z",
        }
        for number, (provider, email) in enumerate(
            [("p", "a@x"), ("p", "a@x"), ("p", "b@x"), ("q", "a@x"), ("p", ""), ("p", "")]
        )
    }
    path = foreign.write(tmp_path / "oauth_tokens.json", {"tokens": tokens})
    moved = zimaos.read(path, lambda _: None)
    assert [(each.provider, each.email, each.access[-1]) for each in moved.accounts] == [
        ("p", "a@x", "1"), ("p", "b@x", "2"), ("q", "a@x", "3"), ("p", "", "4"), ("p", "", "5"),
    ]  # fmt: skip


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)
KNOWN = sorted({*foreign.GATEWAY, *foreign.COPILOT, "detected_endpoint", "metadata_mode"} - {"id"})


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(fields=st.dictionaries(st.sampled_from(KNOWN), ANYTHING, max_size=8), secrets=ANYTHING)
def test_anything_in_a_provider_is_taken_or_left(
    pool: Pool, tmp_path: Path, fields: dict[str, Any], secrets: object
) -> None:
    """Whatever stands in the fields of a provider, planning ends, and what it plans would load."""
    entry = {"x": {"provider": foreign.GATEWAY | fields, "api_keys": secrets, "oauth_secrets": secrets}}
    path = foreign.write(tmp_path / "providers.json", {"providers": entry})
    moving_in.plan(pool, "zimaos", str(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(part=st.sampled_from(["providers", "agents", "env", "model", "models", "thinking"]), value=ANYTHING)
def test_anything_in_a_config_of_gopherclaw_is_taken_or_left(
    pool: Pool, tmp_path: Path, part: str, value: object
) -> None:
    """Whatever stands in a part of it, planning ends, and what it plans would load."""
    defaults: dict[str, Any] = foreign.GOPHERCLAW["agents"]["defaults"]  # type: ignore[index]
    content = foreign.GOPHERCLAW | (
        {part: value} if part in foreign.GOPHERCLAW else {"agents": {"defaults": defaults | {part: value}}}
    )
    path = foreign.write(tmp_path / "config.json", content)
    moving_in.plan(pool, "gopherclaw", str(path))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    place=st.sampled_from(
        ["resources", "available", "default", "recovery_model", "ollama_url", "one", "model"]
    ),
    value=ANYTHING,
)
def test_anything_in_a_config_of_thane_is_taken_or_left(
    pool: Pool, tmp_path: Path, place: str, value: object
) -> None:
    """Whatever stands in a part of it, planning ends, and what it plans would load."""
    said: dict[str, Any] = {"resources": {"den": {"url": "http://den.lan"}}, "available": [{"name": "m"}]}
    if place == "one":
        said["resources"]["den"] = value
    elif place == "model":
        said["available"] = [value]
    else:
        said[place] = value
    path = foreign.write(tmp_path / "config.json", {"models": said})
    try:
        moving_in.plan(pool, "thane", str(path))
    except LlmpoolError as error:
        assert isinstance(error, Misuse)  # noqa: PT017
