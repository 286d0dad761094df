"""A disk as steps leave it: what processes see of it, and what of that is there after the power was cut.

Names and contents are kept apart, as file systems do. What survives a cut for certain: of a file what was
synced, of a directory the names it had when that was synced. Of the rest some may have reached the disk:
the names in the order they were changed in, up to any of them; of each file's content all, none, half of
what was added, or zeros where that should be.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from tests.crash.points import Step

Names = dict[str, int]  # path of a file to its inode; 0 is a directory
LOST, HALVED, ZEROED, KEPT = "lost", "halved", "zeroed", "kept"
FATES = (LOST, HALVED, ZEROED, KEPT)


class Disk:
    """Files by name and inode, as they are seen and as they are safe; it begins with all that is there."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.names: Names = {}
        self.seen: dict[int, bytes] = {}
        self.safe: dict[int, bytes] = {}
        for path in sorted(root.rglob("*")):
            if path.is_dir():
                self.names[str(path)] = 0
            elif path.is_file():
                inode = path.stat().st_ino
                self.names[str(path)] = inode
                self.seen[inode] = self.safe[inode] = path.read_bytes()
        self._safe_names = dict(self.names)
        self._pending: list[tuple[str, int | None]] = []  # changes of names that no sync has covered
        self._fresh: dict[int, int] = {}  # real inodes, which a disk gives out again, to ours
        self._next = 1 << 40

    def read(self, path: str) -> bytes | None:
        """Return what a process would read."""
        inode = self.names.get(path)
        return self.seen.get(inode) if inode else None

    def apply(self, step: Step) -> None:
        """Take in what was done."""
        kind, path, data, place, _ = step
        if kind == "open":
            self._open(path, data)
        elif kind == "write":
            mine = self._of(path)
            content = self.seen[mine]
            self.seen[mine] = content[:place].ljust(place, b"\0") + data + content[place + len(data) :]
        elif kind == "ftruncate":
            mine = self._of(path)
            self.seen[mine] = self.seen[mine][:place].ljust(place, b"\0")
        elif kind == "fsync":
            mine = self._of(path)
            self.safe[mine] = self.seen[mine]
        elif kind == "fsync directory":
            self._sync(path)
        elif kind == "mkdir":
            self._name(path, 0)
        elif kind in ("unlink", "rmdir"):
            self._name(path, None)
        elif kind == "rename":
            self._move(path, data)
        elif kind == "link":
            self._name(data, self.names[path])

    def _open(self, path: str, told: tuple[str, bool]) -> None:
        if path not in self.names:
            self._next += 1
            self.seen[self._next] = self.safe[self._next] = b""
            self._name(path, self._next)
        elif told[1]:
            self.seen[self.names[path]] = b""

    def _of(self, path: str) -> int:
        return self.names[path]

    def _move(self, old: str, new: str) -> None:
        inode = self.names[old]
        self._pending.append((f"{old}\0{new}", inode))  # one change: both names, or neither
        del self.names[old]
        self.names[new] = inode

    def _name(self, path: str, inode: int | None) -> None:
        self._pending.append((path, inode))
        _named(self.names, path, inode)

    def _sync(self, directory: str) -> None:
        """Make the names in *directory* safe, and no others."""
        left: list[tuple[str, int | None]] = []
        for path, inode in self._pending:
            inside = any(str(Path(each).parent) == directory for each in path.split("\0"))
            if inside:
                _named(self._safe_names, path, inode)
            else:
                left.append((path, inode))
        self._pending = left

    def after_a_cut(self) -> Iterator[tuple[str, dict[str, bytes | None]]]:
        """Yield the disks that may be found: how much of the names came through, what became of contents.

        Each is the files by path, None for a directory; nothing is below a directory that is not there.
        """
        found: set[frozenset[tuple[str, bytes | None]]] = set()
        for count in range(len(self._pending) + 1):
            names = dict(self._safe_names)
            for path, inode in self._pending[:count]:
                _named(names, path, inode)
            for fate in FATES:
                files = self._files(names, fate)
                key = frozenset(files.items())
                if key not in found:
                    found.add(key)
                    yield f"{count} of {len(self._pending)} names, contents {fate}", files

    def _files(self, names: Names, fate: str) -> dict[str, bytes | None]:
        files = {path: self._content(inode, fate) if inode else None for path, inode in names.items()}
        root = str(self.root)
        return {path: content for path, content in files.items() if _is_held(path, names, root)}

    def _content(self, inode: int, fate: str) -> bytes:
        safe, seen = self.safe[inode], self.seen[inode]
        if fate == LOST:
            return safe
        if fate == KEPT or not seen.startswith(safe):
            return seen
        more = len(seen) - len(safe)
        return seen[: len(safe) + more // 2] if fate == HALVED else safe + bytes(more)


def _named(names: Names, path: str, inode: int | None) -> None:
    if "\0" in path:
        old, _, new = path.partition("\0")
        names.pop(old, None)
        names[new] = inode or 0
    elif inode is None:
        names.pop(path, None)
    else:
        names[path] = inode


def _is_held(path: str, names: Names, root: str) -> bool:
    above = str(Path(path).parent)
    return above == root or (above in names and _is_held(above, names, root))


def lay(files: dict[str, bytes | None], root: Path) -> None:
    """Put a disk where it was: these files below *root*, and nothing else."""
    for entry in list(root.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    for path, content in sorted(files.items()):
        place = Path(path)
        if content is None:
            place.mkdir(0o700, exist_ok=True)
        else:
            place.write_bytes(content)
            place.chmod(0o600)
