"""A config and a state directory for the doctor to examine, and proof that it changed nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

from llmpool.config.paths import Paths
from llmpool.setup.doctor import Examination, examine
from llmpool.setup.doctor_case import Finding
from tests.support import closed_port, provider

NOW = 1_800_000_000.0  # 2027-01-15T08:00:00Z


class Place:
    """A config and a state directory to examine."""

    def __init__(self, folder: Path) -> None:
        self.paths = Paths(folder / "config.toml", folder / "state", folder / "secrets.json")
        self.env = {"HOME": str(folder), "PATH": "/usr/bin:/bin"}

    def config(self, *parts: str) -> None:
        """Write the config."""
        self.paths.config.write_text("\n".join(parts) + "\n", encoding="utf-8")
        self.paths.config.chmod(0o600)

    def keep(self, name: str, data: object, version: int = 1) -> Path:
        """Write a state file."""
        return self.raw(name, json.dumps({"version": version, "written_at": "x", "data": data}))

    def raw(self, name: str, text: str) -> Path:
        """Write a file into the state directory."""
        path = self.paths.state / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o600)
        os.utime(path, (NOW - 60, NOW - 60))
        return path

    def examine(self, *, now: float = NOW, offline: bool = True, cron: str = "", **env: str) -> Examination:
        """Examine it as of *now*; what is on disk stays byte for byte as it was."""
        before = picture(self.paths.state.parent)
        found = examine(self.paths, self.env | env, clock=lambda: now, offline=offline, cron=cron)
        assert picture(self.paths.state.parent) == before
        return found

    def findings(self, area: str, **options: object) -> list[Finding]:
        """Return what is found in one area."""
        return [each for each in self.examine(**options).findings if each.area == area]  # type: ignore[arg-type]


def picture(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return everything that a change would change: content, mode, times and inodes."""
    seen = {}
    for path in sorted(folder.rglob("*")):
        stat = path.lstat()
        content = path.read_bytes() if path.is_file() else b""
        seen[str(path)] = (stat.st_mode, stat.st_mtime_ns, stat.st_ino, stat.st_size, content)
    return seen


def den(**fields: object) -> str:
    """Write a provider that needs no key."""
    return provider("den", f"http://127.0.0.1:{closed_port()}/v1", **fields)


def observed(*names: str, provider: str = "den", **fields: object) -> dict[str, object]:
    """Return an inventory in which a provider listed these models a minute ago."""
    entry = {
        "attempted_at": "2027-01-15T07:59:00Z",
        "fetched_at": "2027-01-15T07:59:00Z",
        "models": [{"name": name} for name in names],
    }
    return {"providers": {provider: {"provider": provider} | entry | fields}}
