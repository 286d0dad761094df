"""formats.json: what was learnt of how providers want to be asked (pool-routing-formats 8.5, 9, 9.1).

Sections, each with at most 2,048 entries, of which the oldest go first:

`models` and `providers`: the format that worked, for a model at a URL or for a host, for 24 hours. `aliases`:
the model that answered in place of the requested one, as long. `refused`: parameters a deployment would not
take, for 30 days. `detected`, `endpoints`, `bases`: what a detection found, the alternate URL in use, and
where the listing was found; these hold for as long as the configured URL stays what it was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from llmpool.core.provider import FORMATS, Provider
from llmpool.formats import plan as plans
from llmpool.formats.families import host, third_party
from llmpool.formats.plan import AUTO, Memory, effective_mode
from llmpool.state import jsonfile, shape

NAME = "formats.json"
DAY = 86_400.0
REFUSED_FOR = 30 * DAY
RENEWED_AFTER = 3600.0  # a memory that is confirmed all day long is written once an hour, not at every call
MOST_ENTRIES = 2048

_FORMAT: dict[str, Callable[[Any], Any]] = {"format": shape.text, "at": shape.instant}
_ENTRIES: dict[str, dict[str, Callable[[Any], Any]]] = {
    "models": _FORMAT,
    "providers": _FORMAT,
    "aliases": {"model": shape.text, "at": shape.instant},
    "detected": {**_FORMAT, "url": shape.text, "profile": shape.mapping},
    "endpoints": {"configured": shape.text, "url": shape.text, "at": shape.instant},
    "bases": {"configured": shape.text, "url": shape.text, "at": shape.instant},
}
_OPTIONAL = ("profile",)


class Memories:
    """What is remembered; sections are plain dicts. Reading methods change nothing.

    Making one of data that is nobody's memories raises TypeError or ValueError; None is an empty one.
    """

    def __init__(self, data: Any = None) -> None:
        known = {} if data is None else shape.mapping(data)
        for name, shapes in _ENTRIES.items():
            setattr(self, name, shape.entries(shape.mapping(known.get(name, {})), shapes, _OPTIONAL))
        self.refusals: dict[str, dict[str, float]] = {
            deployment: {name: shape.instant(at) for name, at in shape.mapping(named).items()}
            for deployment, named in shape.mapping(known.get("refused", {})).items()
        }

    models: dict[str, dict[str, Any]]
    providers: dict[str, dict[str, Any]]
    aliases: dict[str, dict[str, Any]]
    detected: dict[str, dict[str, Any]]
    endpoints: dict[str, dict[str, Any]]
    bases: dict[str, dict[str, Any]]

    def as_data(self) -> dict[str, Any]:
        """Return the memories as they are stored: bounded, the oldest of a full section left out."""
        sections = {name: _newest(getattr(self, name), lambda entry: entry["at"]) for name in _ENTRIES}
        return sections | {"refused": _newest(self.refusals, lambda named: max(named.values(), default=0))}

    def memory(self, provider: Provider, model: str, now: float) -> Memory:
        """Return what the plan for *model* at *provider* needs to know."""
        detected = self.detected_format(provider)
        if third_party(provider):
            return Memory(_format(self.models.get(self._model_key(provider, model)), now), "", detected)
        return Memory("", _format(self.providers.get(self._host_key(provider)), now), detected)

    def detected_format(self, provider: Provider) -> str:
        """Return the format a detection found at the URL that is configured now, or nothing."""
        entry = self.detected.get(provider.id, {})
        found = entry.get("format", "") if entry.get("url") == provider.url else ""
        return found if found in FORMATS else ""

    def affinity(self, provider: Provider, model: str, now: float) -> int:
        """Score how well *provider* speaks the tongue of *model*, as far as is known (5.2)."""
        found = self.endpoint(provider)
        planned = plans.plan(provider, model, self.memory(provider, model, now), found)
        return plans.affinity(provider, model, planned)

    def profile(self, provider: Provider) -> dict[str, Any]:
        """Return the capability profile a verification stored for the URL that is configured now."""
        entry = self.detected.get(provider.id, {})
        return dict(entry.get("profile", {})) if entry.get("url") == provider.url else {}

    def endpoint(self, provider: Provider) -> str:
        """Return the URL to use instead of the configured one, or nothing."""
        return self._place(self.endpoints, provider)

    def base(self, provider: Provider) -> str:
        """Return the URL under which the provider's models were listed, when not the configured one."""
        return self._place(self.bases, provider)

    def alias(self, provider: Provider, requested: str, now: float) -> str:
        """Return the model that answered when *requested* was asked for, or nothing."""
        entry = self.aliases.get(f"{self._host_key(provider)} {requested}")
        return str(entry["model"]) if entry and _is_fresh(entry["at"], now, DAY) else ""

    def refused(self, deployment: str, now: float) -> tuple[str, ...]:
        """Name the parameters that *deployment* would not take, in the words of `formats.refused`."""
        named = self.refusals.get(deployment, {})
        return tuple(sorted(name for name, at in named.items() if _is_fresh(at, now, REFUSED_FOR)))

    def remembers(self, provider: Provider, url: str, model: str, wire: str, now: float) -> bool:
        """Say whether `worked` with the same arguments would change nothing and need not be called."""
        section, key = self._worked_at(provider, url, model)
        if not key:
            return True
        entry = section.get(key)
        return entry is not None and entry["format"] == wire and _is_fresh(entry["at"], now, RENEWED_AFTER)

    def _worked_at(self, provider: Provider, url: str, model: str) -> tuple[dict[str, dict[str, Any]], str]:
        """Say where a format that worked is remembered; the key is empty where it is not."""
        if effective_mode(provider, "" if url == provider.url else url) != AUTO:
            return self.models, ""  # what is settled need not be remembered
        if not third_party(provider):
            return self.providers, self._host_key(provider)
        return self.models, self._model_key(provider, model, url) if model.strip() else ""

    def _host_key(self, provider: Provider) -> str:
        return f"{provider.id} {host(self.endpoint(provider) or provider.url)}"

    def _model_key(self, provider: Provider, model: str, url: str = "") -> str:
        place = url or self.endpoint(provider) or provider.url
        return f"{provider.id} {place.rstrip('/')} {model}"

    def _place(self, section: Mapping[str, dict[str, Any]], provider: Provider) -> str:
        """Return a URL learnt for *provider*, if the owner's config still allows it.

        Only to a host that the config names is a key ever sent.
        """
        entry = section.get(provider.id)
        if not entry or entry["configured"] != provider.url:
            return ""
        url: str = entry["url"]
        at_home = _origin(url) != ("", "") and _origin(url) == _origin(provider.url)
        return url if at_home or url in provider.alternate_urls else ""


def read(state: Path) -> Memories:
    """Read the memories; a missing or quarantined file is an empty one."""
    return jsonfile.read(state / NAME, decode=Memories)


def update(state: Path, change: Callable[[Memories], None]) -> None:
    """Apply *change* under the lock."""

    def apply(memories: Memories) -> Any:
        change(memories)
        return memories.as_data()

    jsonfile.update(state / NAME, apply, decode=Memories)


def worked(
    memories: Memories, provider: Provider, url: str, model: str, wire: str, *, now: float, actual: str = ""
) -> None:
    """Remember that *model* at *provider*, asked at *url*, answered in the format *wire*.

    At an address of the owner's this is known of the model, and what was thought of the whole host is
    dropped; elsewhere it is known of the host. Nothing is kept where the format is settled anyway. *actual*
    is the model that really answered.
    """
    if memories.remembers(provider, url, model, wire, now) and not actual:
        return
    section, key = memories._worked_at(provider, url, model)  # noqa: SLF001 - the same module
    host_key = memories._host_key(provider)  # noqa: SLF001 - likewise
    if key:
        section[key] = {"format": wire, "at": now}
    if key and section is memories.models:
        memories.providers.pop(host_key, None)
    if actual and actual != model:
        memories.aliases[f"{host_key} {model}"] = {"model": actual, "at": now}


def refuse(memories: Memories, deployment: str, parameter: str, now: float) -> None:
    """Remember that *deployment* would not take *parameter*."""
    named = memories.refusals.setdefault(deployment, {})
    named[parameter] = now
    for name in [name for name, at in named.items() if not _is_fresh(at, now, REFUSED_FOR)]:
        del named[name]


def detected(
    memories: Memories, provider: Provider, wire: str, now: float, *, profile: Mapping[str, Any] | None = None
) -> None:
    """Remember the format found at the configured URL of *provider*; the profile of before stays."""
    kept = memories.profile(provider) if profile is None else dict(profile)
    entry = {"format": wire, "url": provider.url, "at": now}
    memories.detected[provider.id] = entry | ({"profile": kept} if kept else {})


def use_endpoint(memories: Memories, provider: Provider, url: str, now: float) -> None:
    """Remember that *provider* is asked at *url* instead; its configured URL, or nothing, forgets that."""
    _put_place(memories.endpoints, provider, url, now)


def use_base(memories: Memories, provider: Provider, url: str, now: float) -> None:
    """Remember under which URL *provider* lists its models; its configured URL, or nothing, forgets that."""
    _put_place(memories.bases, provider, url, now)


def forget(memories: Memories, provider: str) -> None:
    """Forget everything about the provider called *provider*, refused parameters included."""
    for name in _ENTRIES:
        section = getattr(memories, name)
        for key in [key for key in section if key.partition(" ")[0] == provider]:
            del section[key]
    for key in [key for key in memories.refusals if key.partition("/")[0] == provider]:
        del memories.refusals[key]


def _put_place(section: dict[str, dict[str, Any]], provider: Provider, url: str, now: float) -> None:
    if not url or url == provider.url:
        section.pop(provider.id, None)
        return
    old = section.get(provider.id)
    if not old or (old["configured"], old["url"]) != (provider.url, url):
        section[provider.id] = {"configured": provider.url, "url": url, "at": now}


def _newest(section: dict[str, Any], at: Callable[[Any], float]) -> dict[str, Any]:
    if len(section) <= MOST_ENTRIES:
        return section
    kept = sorted(section, key=lambda name: at(section[name]))[-MOST_ENTRIES:]
    return {name: section[name] for name in kept}


def _format(entry: Mapping[str, Any] | None, now: float) -> str:
    """Return the format of an entry that still holds; one of a later version's formats means nothing here."""
    if not entry or not _is_fresh(entry["at"], now, DAY):
        return ""
    return str(entry["format"]) if entry["format"] in FORMATS else ""


def _is_fresh(at: float, now: float, life: float) -> bool:
    return 0 <= now - at < life  # a clock set back stretches nothing


def _origin(url: str) -> tuple[str, str]:
    """Return scheme, host and port of *url*: what has to be the same for a key to go there."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return "", ""
    return (parts.scheme, f"{host(url)}:{port}") if parts.hostname else ("", "")
