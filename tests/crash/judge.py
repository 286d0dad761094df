"""What must hold of a home after a run that was killed or failed, whatever the run was about.

The measure is the same command left alone: every file is as it was before, or as it was at some moment of
that run. Times, ids and figures of the clock are left out of the comparison.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from llmpool.errors import Exit
from llmpool.state import rollfile
from tests.crash.disk import Disk
from tests.crash.points import Step

CODES = {int(code) for code in Exit} - {Exit.BUG}
STRAY = re.compile(r"\..+\.tmp\Z|.*\.new\Z")
LINES = (".jsonl", ".part", ".old")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[.\d]*Z")
_ID = re.compile(
    r"\b(?:usage_|d-|r-|oat_|lease-)[0-9a-z]{6,}|\b[0-9a-f]{12}\b|enc:v1:[A-Za-z0-9+/=]+|access-planted-\w+|refresh-planted-\w+"
)
_PASSING = ("latency", "experience", "at", "until", "last_used", "since", "key", "config", "digest")
MADE_ANEW = ("registry.json", "routing.json", "costs.json", "model-ids.txt")  # whenever a stamp differs

Seen = Mapping[str, Any]


def what_is_there(root: Path) -> dict[str, Any]:
    """Read every file below *root* that means something, and fail for one that cannot be read."""
    files = {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}
    for name in (each for each in files if each.endswith(MADE_ANEW[:3])):
        assert json.loads(files[name])["data"], name
    return {name: meaning(name, content, root / name) for name, content in files.items() if means(name)}


def means(name: str) -> bool:
    """Whether anybody reads a file of that name for what it says."""
    last = Path(name).name
    return not (STRAY.match(last) or last in MADE_ANEW or last.endswith((".lock", ".day", ".month")))


def strays(root: Path) -> list[Path]:
    """Find what a crash left behind."""
    return [path for path in sorted(root.rglob("*")) if path.is_file() and STRAY.match(path.name)]


def meaning(name: str, content: bytes, path: Path | None = None) -> Any:
    """Return what a file says, without times and ids."""
    if name.endswith(".json") and content.startswith(b"{"):
        return plain(json.loads(content)["data"])
    if name.endswith(LINES):
        return [plain(record) for record in records(content)[0]]
    if name.endswith(".kept"):
        assert path is None or rollfile.read(path) is not None, f"{name} cannot be read"
        return name
    return _ID.sub("ID", _TIME.sub("TIME", content.decode()))


def records(content: bytes) -> tuple[list[Any], list[bytes]]:
    """Return the records of lines, and the lines that are none."""
    found, bad = [], []
    for line in content.split(b"\n"):
        try:
            found.append(json.loads(line))
        except ValueError:
            if line.strip():
                bad.append(line)
    return found, bad


def plain(value: Any, name: str = "") -> Any:
    """Leave out of a value what another run has otherwise."""
    if name in _PASSING or name.endswith(("_ms", "_at")) or isinstance(value, float):
        return None
    if isinstance(value, dict):
        return {key: plain(each, key) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    return _ID.sub("ID", _TIME.sub("TIME", value)) if isinstance(value, str) else value


def moments(disk: Disk, steps: Iterable[Step]) -> dict[str, list[Any]]:
    """Return what each file said at every moment of a run; None while it was not there."""
    found: dict[str, list[Any]] = {}
    _note(found, disk, first=True)
    for step in steps:
        disk.apply(step)
        _note(found, disk)
    return found


def _note(found: dict[str, list[Any]], disk: Disk, *, first: bool = False) -> None:
    names = {str(Path(path).relative_to(disk.root)): path for path, inode in disk.names.items() if inode}
    for name in {*found, *names}:
        if not means(name):
            continue
        said = meaning(name, disk.read(names[name]) or b"") if name in names else None
        known = found.setdefault(name, [] if said is None or first else [None])
        if said not in known:
            known.append(said)


def is_told(text: str) -> None:
    """Fail for what no person should be shown."""
    for word in ("Traceback", "has a bug", "Error:", "Exception"):
        assert word not in text, text


def lines_are_whole(root: Path, *, torn: int) -> None:
    """Fail for a log with more than so many *torn* lines, one id twice, or a last line without its end."""
    for path in (each for each in root.rglob("*.jsonl") if means(str(each.relative_to(root)))):
        content = path.read_bytes()
        found, bad = records(content)
        assert len(bad) <= torn, (path, bad)
        ids = [record["id"] for record in found if "id" in record]
        assert len(ids) == len(set(ids)), (path, "doubled")


def tails_are_mended(root: Path, names: Iterable[str]) -> None:
    """Fail for a log of *names* that does not end with a whole line."""
    for name in names:
        path = root / name
        assert not path.exists() or path.read_bytes()[-1:] in (b"", b"\n"), path


def aged(paths: Iterable[Path], hours: float = 2) -> None:
    """Make files older."""
    for path in paths:
        then = time.time() - hours * 3600
        os.utime(path, (then, then))
