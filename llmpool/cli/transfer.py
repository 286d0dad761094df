"""How far a transfer is, the way people read it: bytes, rate, time left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from llmpool.core.text import size

if TYPE_CHECKING:
    from llmpool.discovery.download import PullEvent


def moving(event: PullEvent) -> str:
    """Write a pull under way on a line: `den/qwen3:14b   [####...]   3.1 of 9.3 GB   48 MB/s   2:09 left`."""
    from llmpool.cli.progress import barred

    drawn = [barred(event.done, event.total)] if event.total else []
    parts = [event.ref, *drawn, amount(event.done, event.total) or event.status]
    if event.total and event.done >= event.total and not event.status.startswith("pulling"):
        return "  " + "   ".join(filter(None, [*parts, event.status]))  # it is verified, which takes a while
    parts += [f"{size(event.rate, digits=0)}/s"] if event.rate else []
    parts += [f"{clock(event.left)} left"] if event.left is not None else []
    return "  " + "   ".join(part for part in parts if part)


def amount(done: int, total: int) -> str:
    """Write so much of so much, a shared unit once: `3.1 of 9.3 GB`; nothing while unknown."""
    if not total:
        return size(done) if done else ""
    (some, _, unit), whole = size(done).rpartition(" "), size(total)
    if not done or whole.endswith(f" {unit}"):
        return f"{some} of {whole}"
    return f"{some} {unit} of {whole}"


def clock(seconds: float) -> str:
    """Write how long something takes: `2:09`, `1:02:09`, `3 d`."""
    whole = int(seconds)
    if whole >= 2 * 86400:
        return f"{whole // 86400} d"
    minutes, rest = divmod(whole, 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
