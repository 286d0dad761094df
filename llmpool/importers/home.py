"""Where each platform keeps settings, and whose are looked for: platform and variables as one value."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple


class Places(NamedTuple):
    """Where a tool's file may be on each platform, the likeliest first.

    A place begins with `~`, with the name of a Windows folder (`APPDATA`, `LOCALAPPDATA`, `USERPROFILE`), or
    with `$NAME` for a variable that has the directory.
    """

    linux: tuple[str, ...]
    macos: tuple[str, ...]
    windows: tuple[str, ...]


class Home(NamedTuple):
    """A person's home: the platform as `sys.platform` names it, and the variables that say what is where."""

    platform: str
    env: Mapping[str, str]

    def paths(self, places: Places) -> list[Path]:
        """List every path that *places* mean here, each once."""
        by_platform = {"win32": places.windows, "darwin": places.macos}
        wanted = by_platform.get(self.platform, places.linux)
        return list(dict.fromkeys(path for place in wanted for path in self._expanded(place)))

    def _expanded(self, place: str) -> Iterator[Path]:
        """Yield the paths that a place means: none where nothing says what its first part is."""
        first, _, rest = place.partition("/")
        if first == "~" and rest.startswith(".config/") and self.platform != "win32":
            yield from _under(self.env.get("XDG_CONFIG_HOME", ""), rest.removeprefix(".config/"))
        folder = self.env.get(first[1:], "") if first.startswith("$") else self._folder(first)
        yield from _under(folder, rest)

    def _folder(self, name: str) -> str:
        """Return the directory that the first part of a place names; empty where nothing says."""
        windows = self.platform == "win32"
        home = (self.env.get("USERPROFILE") if windows else "") or self.env.get("HOME", "")
        if name in ("~", "USERPROFILE"):
            return home
        below = {"APPDATA": "AppData/Roaming", "LOCALAPPDATA": "AppData/Local"}[name]
        return self.env.get(name) or (f"{home}/{below}" if home else "")


def here(env: Mapping[str, str]) -> Home:
    """Return the home of whoever runs this; cron may leave HOME out, and the user database knows it."""
    home = env.get("HOME") or os.path.expanduser("~")  # noqa: PTH111 - Path.home() raises where nobody knows
    return Home(sys.platform, {**env, "HOME": home if Path(home).is_absolute() else ""})


def there(paths: Iterable[Path]) -> Path | None:
    """Return the first path where something is, a link to it included; None where nothing is."""
    return next((path for path in paths if _is_there(path)), None)


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return False  # a name may hold what no name may hold
    except OSError:
        return True  # reading it will say what is wrong with it
    return True


def _under(folder: str, rest: str) -> Iterator[Path]:
    """Yield a path under a directory; a relative one is ignored, as is one that is not named."""
    windows = folder[1:3] in (":\\", ":/")
    if folder and (windows or Path(folder).is_absolute()):
        yield Path(folder.replace("\\", "/") if windows else folder, rest)
