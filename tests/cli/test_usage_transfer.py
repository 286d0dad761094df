"""`llmpool usage export` and `usage import`, as a person runs them."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from llmpool.config.paths import find_paths
from llmpool.pool import Pool
from tests.fakes import faults
from tests.fakes.server import FakeServer
from tests.support import Home, Result, end_of, finish, model, provider
from tests.unit.importers.test_usage_record import RECORD
from tests.unit.importers.test_zimaos_usage import THEIRS


def plant(home: Home, *records: dict[str, Any]) -> None:
    """Leave records in the log, as chats do."""
    for record in records:
        path = home.state / "usage" / f"{record['at'][:10]}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a") as file:
            file.write(json.dumps(record) + "\n")


def rows(result: Result) -> list[dict[str, str]]:
    assert result.code == 0, result
    return list(csv.DictReader(io.StringIO(result.out)))


def test_what_was_asked_is_exported_in_every_form(home: Home, server: FakeServer) -> None:
    """Good and failed requests, from real chats: JSONL as they were recorded, CSV, and spans."""
    home.write_config(provider("den", server.url), model("den/m"))
    assert home.here("chat", "-m", "den/m", "--tag", "=work", "hi").code == 0
    server.behave([faults.status(400)])
    assert home.here("chat", "-m", "den/m", "--max-wait", "0", "hi").code == 7
    (path,) = (home.state / "usage").glob("*.jsonl")
    recorded = [json.loads(line) for line in path.read_text().splitlines()]
    assert home.here("usage", "export").documents == recorded
    good, failed = rows(home.here("usage", "export", "--format", "csv"))
    assert (good["success"], good["tag"], failed["success"], failed["error"]) == (
        "true",
        "'=work",
        "false",
        "bad_request",
    )
    (batch,) = home.here("usage", "export", "--format", "otlp").documents
    spans = batch["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert [span.get("status") for span in spans] == [None, {"code": 2, "message": "bad_request"}]


def test_every_field_of_a_record_travels(home: Home, server: FakeServer) -> None:
    """Whatever chat writes into a record is in `usage.fields`, and so in every export."""
    home.write_config(provider("den", server.url, location="cloud"), model("den/m"))
    for arguments in (("--tag", "t"), ("--session", "s")):
        assert home.here("chat", *arguments, "hi").code == 0
    assert home.here("usage", "prices", "set", "den/m", "--input", "1.25", "--output", "10").code == 0
    assert home.here("chat", "hi").code == 0
    assert home.here("usage", "reprice", "--apply", "--yes").code == 0
    (path,) = (home.state / "usage").glob("*.jsonl")
    written = [json.loads(line) for line in path.read_text().splitlines()]
    assert {"cost_original", "price_source", "tag", "session"} <= {name for line in written for name in line}
    assert home.here("usage", "export").documents == written


def test_a_time_can_be_named(home: Home) -> None:
    """Days are local, both ends belong to it; a line that cannot be read is told, not fatal."""
    times = [
        "2026-11-01T22:59:59.999Z",
        "2026-11-01T23:00:00.500Z",
        "2026-11-02T12:00:00Z",
        "2026-11-03T00:00:01Z",
    ]
    plant(home, *[RECORD | {"id": f"u{n}", "at": at} for n, at in enumerate(times)])
    with (home.state / "usage" / "2026-11-02.jsonl").open("a") as file:
        file.write("{torn\n")
    done = home.here(
        "usage", "export", "--since", "2026-11-02", "--until", "2026-11-02", env={"TZ": "Europe/Berlin"}
    )
    assert [record["id"] for record in done.documents] == ["u1", "u2"]
    assert "1 line of the usage log could not be read" in done.err


def test_a_file_is_written_whole_and_never_over_another(home: Home) -> None:
    """The format follows its name; --json tells of it; --force replaces."""
    plant(home, RECORD)
    path = home.cwd / "usage.csv"
    done = home.here("usage", "export", "-o", "usage.csv")
    assert (done.code, done.out, done.err) == (0, "", "wrote 1 record to usage.csv\n")
    assert path.read_text().startswith("id,at,")
    again = home.here("usage", "export", "-o", "usage.csv", "--format", "jsonl")
    assert (again.code, again.out) == (2, "")
    assert "exists" in again.err
    assert "--force" in again.err
    told = home.here("usage", "export", "-o", "usage.csv", "--format", "jsonl", "--force", "--json").json
    assert told == {
        "schema": 1,
        "file": "usage.csv",
        "format": "jsonl",
        "records": 1,
        "bad_lines": 0,
        "pruned_days": 0,
    }
    assert json.loads(path.read_text()) == RECORD
    assert [entry.name for entry in home.cwd.iterdir()] == ["usage.csv"]


def test_slips_are_told(home: Home) -> None:
    """An unknown format, a directory that is not there, --json without a file."""
    for arguments, why in (
        (("--format", "xml"), "one of: jsonl, csv, otlp"),
        (("-o", "no/usage.csv"), "there is no directory"),
        (("--json",), "add -o FILE"),
        (("--since", "someday"), "is no time"),
    ):
        done = home.here("usage", "export", *arguments)
        assert (done.code, done.out) == (2, ""), arguments
        assert why in done.err


def test_an_empty_log_is_an_empty_export(home: Home) -> None:
    """Nothing was used, and that is no error; a table still says what its columns are."""
    none = home.here("usage", "export")
    assert (none.code, none.out, none.err) == (0, "", "no records in that time\n")
    assert rows(home.here("usage", "export", "--format", "csv")) == []
    assert home.here("usage", "export", "--format", "otlp").out == ""


def test_a_broken_config_is_no_obstacle(home: Home) -> None:
    """What was used is the owner's, whatever state the config is in."""
    plant(home, RECORD)
    home.config.write_text("this is no TOML")
    for form in ("jsonl", "csv", "otlp"):
        assert home.here("usage", "export", "--format", form).code == 0


def test_usage_moves_to_another_machine(home: Home, tmp_path: Path) -> None:
    """Through a pipe: nothing is asked, nothing is lost, twice is as good as once."""
    plant(home, RECORD, RECORD | {"id": "usage_2", "success": False, "error": "timeout"})
    sent = home.here("usage", "export")
    other = Home(tmp_path / "other")
    first = other.here("usage", "import", "-", stdin=sent.out)
    assert (first.code, first.out, first.err) == (0, "", "took 2 records on 1 day\n")
    assert other.here("usage", "import", "-", stdin=sent.out).err == "took 0 records, 2 there already\n"
    assert other.here("usage", "export").out == sent.out
    total = other.here("usage", "--since", "2026-11-01", "--json").json["total"]
    assert (total["requests"], total["failed"], total["cost"]) == (2, 1, "0.50")


def test_zimaos_is_taken_in(home: Home) -> None:
    """With a preview, what was broken by file and line, exit 9 for those, and a document for scripts."""
    folder = home.dir / "zima" / "usage"
    folder.mkdir(parents=True)
    file = folder / "2026-03-09.jsonl"
    file.write_text("\n".join([json.dumps(THEIRS), "{torn", json.dumps(THEIRS | {"provider_id": "../x"})]))
    preview = home.here("usage", "import", "--from", "zimaos", "--dry-run", str(folder.parent))
    assert (preview.code, preview.out) == (9, "")
    assert preview.err.startswith("would take 1 record on 1 day\n")
    assert f"{file}, line 2: not JSON\n" in preview.err
    assert f"{file}, line 3: its provider is no provider id\n" in preview.err
    assert not home.state.exists()
    done = home.here("usage", "import", "--json", str(folder.parent))
    assert (done.code, done.err) == (9, "")
    assert done.json == {
        "schema": 1,
        "dry_run": False,
        "files": 1,
        "taken": 1,
        "skipped": 0,
        "pruned": {},
        "broken": 2,
        "reasons": {"not JSON": 1, "its provider is no provider id": 1},
        "broken_lines": [
            {"file": str(file), "place": "line 2", "reason": "not JSON"},
            {"file": str(file), "place": "line 3", "reason": "its provider is no provider id"},
        ],
        "days": {"2026-03-09": 1},
    }
    shown = home.here("usage", "list", "--json").json["records"]
    assert [(r["deployment"], r["cost"], r["price_source"]) for r in shown] == [
        ("anthropic/claude-sonnet-4-5", "0.051", "imported")
    ]


def test_what_was_pruned_is_not_counted_twice(home: Home) -> None:
    """Old history comes in, is pruned to its sums, and stays out when it comes again; both are told."""
    (home.cwd / "old.jsonl").write_text(json.dumps(THEIRS) + "\n")
    assert home.here("usage", "import", "old.jsonl").err == "took 1 record on 1 day\n"
    before = home.here("usage", "--since", "all", "--json").json["total"]
    assert home.here("usage", "prune", "--before", "2026-04-01", "--yes").code == 0
    again = home.here("usage", "import", "old.jsonl", "--json")
    assert (again.code, again.json["taken"], again.json["pruned"]) == (0, 0, {"2026-03-09": 1})
    told = home.here("usage", "import", "old.jsonl").err
    assert "1 record left out, of 1 day whose records were pruned here" in told
    after = home.here("usage", "--since", "all", "--json").json["total"]
    assert (after["requests"], after["cost"]) == (before["requests"], before["cost"]) == (1, "0.051")
    gone = home.here("usage", "export")
    assert (gone.code, gone.out) == (0, "")
    assert "1 day left out: pruned" in gone.err


@pytest.mark.parametrize("source", ["gone.jsonl", "photo.jpg", "."])
def test_what_has_no_usage_is_refused(home: Home, source: str) -> None:
    """In one line that names it, with exit 2, and as a document with --json."""
    (home.cwd / "photo.jpg").write_bytes(b"\xff\xd8\xff\xe0 JFIF\x00\n\x1b[2J")
    done = home.here("usage", "import", source)
    assert (done.code, done.out) == (2, "")
    assert source in done.err
    assert "\x1b" not in done.err
    assert home.here("usage", "import", "--json", source).error["exit"] == 2
    assert not home.state.exists()


def test_many_broken_lines_are_summed_up(home: Home) -> None:
    """Five are named, the others counted by reason."""
    (home.cwd / "x.jsonl").write_text(json.dumps(RECORD) + "\n" + "x\n" * 7)
    done = home.here("usage", "import", "x.jsonl")
    assert done.code == 9
    assert done.err.count("x.jsonl, line ") == 5
    assert "7 lines are no records: 7 x not JSON" in done.err


def test_progress_is_for_terminals(home: Home) -> None:
    """On one it says which file it reads; the answer stands alone afterwards."""
    (home.cwd / "x.jsonl").write_text(json.dumps(RECORD) + "\n")
    shown = finish(home.terminal("usage", "import", "x.jsonl")).out
    assert "reading x.jsonl" in shown
    assert shown.endswith("took 1 record on 1 day\n")


def test_a_reader_that_leaves_ends_the_export(home: Home) -> None:
    """`| head` is no error to talk about."""
    plant(home, *[RECORD | {"id": f"u{n}"} for n in range(5000)])
    child = home.start("usage", "export")
    assert child.stdout is not None
    child.stdout.close()
    child.stdout = None
    done = end_of(child)
    assert (done.code, done.err) == (141, "")


def test_how_many_records_are_written_is_told_meanwhile(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """An export of millions of records shows that it goes on."""
    from llmpool.setup import usage_export
    from llmpool.usage.span import Span

    plant(home, *(RECORD | {"id": f"u{number}"} for number in range(5)))
    monkeypatch.setattr(usage_export, "TOLD_EVERY", 2)
    told: list[int] = []
    pool = Pool(find_paths({}, str(home.config), str(home.state)), {}, lambda: 0.0)
    usage_export.export(pool, "jsonl", Span(), lambda _text: None, told.append)
    assert told == [2, 4]


def test_records_are_taken_in_beside_a_config_that_cannot_be_read(home: Home) -> None:
    """Nothing of it is needed for that."""
    home.write_config("x = [")
    line = {"id": "a", "at": "2026-11-20T10:00:00Z", "provider": "p", "model": "m", "success": True}
    (home.cwd / "more.jsonl").write_text(json.dumps(line))
    done = home.here("usage", "import", "more.jsonl")
    assert (done.code, done.err) == (0, "took 1 record on 1 day\n")
