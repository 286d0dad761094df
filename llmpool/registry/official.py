"""The official catalog: what vendors' models are, as facts in a file (pool-routing-formats 3.2, 3.3).

One is built in, another may be downloaded (`refresh --catalog`) and is laid over it. A catalog is somebody
else's text: what is not of the right type and size is left out of it. What it may change of a provider is
decided in `registry.vendors`: never where a key goes, and never what counts as local.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from llmpool.core.deployment import ALSO_TYPED, CAPABILITIES, Capabilities, ModelFacts
from llmpool.core.ids import is_provider_id
from llmpool.core.names import under_any
from llmpool.core.provider import Provider
from llmpool.core.record import plain
from llmpool.registry import kinds
from llmpool.registry.catalog import is_private

CATALOG = "catalog"  # the metadata mode of a provider that is never listed over the network
LONGEST_NAME = 512
LONGEST_URL = 2048
MOST_WORDS = 64
MOST_TOKENS = 1_000_000_000
BEST_SCORE = 1_000_000.0


class Entry(NamedTuple):
    """One model of a catalog; 0, None and empty are unknown. *name* is what people call it.

    *capabilities* are the words it is listed with. *score* and *url* are a benchmark's, for display only.
    """

    id: str
    name: str = ""
    context_window: int = 0
    max_output: int = 0
    capabilities: tuple[str, ...] = ()
    score: float | None = None
    url: str = ""


class Override(NamedTuple):
    """What a catalog says of a provider; None is not said."""

    base_url: str | None = None
    api_format: str | None = None
    website: str | None = None
    api_key_url: str | None = None


UNKNOWN = Entry._field_defaults
Models = Mapping[str, Mapping[str, Entry]]  # by provider, then by the model's id, in the order of the file


class Official(NamedTuple):
    """A whole catalog; *benchmarks* are models that are listed for their scores alone."""

    providers: Mapping[str, Override]
    models: Models
    benchmarks: Models

    def of(self, provider: Provider) -> Mapping[str, Entry]:
        """Return a provider's models: those of its preset, or of the vendor whose id it has."""
        return self.models.get(provider.preset or provider.id, {})

    def known(self, provider: Provider) -> Mapping[str, Entry]:
        """Return what may be believed of a provider's models: nothing of a server of one's own, as a rule.

        That runs files with windows of their own; only where its owner asked for the catalog it counts.
        """
        own = provider.location == "local" or provider.preset in kinds.SELF_HOSTED
        believed = provider.metadata == CATALOG or not (own or is_private(provider.url))
        return self.of(provider) if believed else {}

    @property
    def size(self) -> int:
        """How many models there are."""
        return sum(map(len, self.models.values()))


NOTHING = Official({}, {}, {})


def read(document: object) -> Official:
    """Read a catalog out of JSON; whatever in it is not as it should be is not in what is returned.

    Providers without an id, models without one, and a model's second line are left out.
    """
    known = _mapping(document)
    providers = {name: _override(_mapping(said)) for name, said in _named(known.get("providers"))}
    return Official(providers, _models(known.get("models")), _models(known.get("pinchbench_models")))


def as_data(official: Official) -> dict[str, Any]:
    """Write a catalog as the JSON that `read` reads, without what it does not tell."""
    return {
        "providers": {name: _told(said) for name, said in official.providers.items()},
        "models": {name: _lines(models) for name, models in official.models.items()},
        "pinchbench_models": {name: _lines(models) for name, models in official.benchmarks.items()},
    }


def laid_over(below: Official, above: Official) -> Official:
    """Lay one catalog over another, provider by provider; providers the upper one does not list stay."""
    models = {name: _joined(below.models.get(name, {}), lines) for name, lines in above.models.items()}
    return Official(
        {**below.providers, **above.providers},
        {**below.models, **models},
        {**below.benchmarks, **above.benchmarks},
    )


def look_up(models: Mapping[str, Entry], name: str) -> ModelFacts | None:
    """Tell what a provider's *models* know of one; `a` and `a:latest` are the same (ruling 18)."""
    entry = under_any(name, models)
    return None if entry is None else facts_of(entry)


def facts_of(entry: Entry) -> ModelFacts:
    """Return the facts of one line: what is listed is a yes; what is not is left open, but for chat.

    Lists leave out what a model can do far more often than they mean that it cannot.
    """
    words = {ALSO_TYPED.get(word, word) for word in entry.capabilities}
    able = {name: True for name in CAPABILITIES if name in words}
    silent = {"chat": False} if words and "chat" not in words else {}
    return ModelFacts(
        context_window=entry.context_window,
        max_output=entry.max_output,
        capabilities=Capabilities(**able, **silent),
    )


def _joined(below: Mapping[str, Entry], above: Mapping[str, Entry]) -> dict[str, Entry]:
    """Join a provider's lines: the upper one's in its order, then those it does not mention."""
    return {name: _filled(line, below.get(name)) for name, line in above.items()} | {
        name: line for name, line in below.items() if name not in above
    }


def _filled(line: Entry, known: Entry | None) -> Entry:
    """Take from *known* what *line* leaves open; a list of capabilities is replaced as a whole."""
    had = {} if known is None else known._asdict()
    open_ = {name for name, value in line._asdict().items() if value == UNKNOWN.get(name)}
    return line._replace(**{name: value for name, value in had.items() if name in open_})


def _models(value: object) -> dict[str, dict[str, Entry]]:
    found = {}
    for name, lines in _named(value):
        entries: dict[str, Entry] = {}
        for line in lines if isinstance(lines, list) else []:
            entry = _entry(_mapping(line))
            if entry.id:
                entries.setdefault(entry.id, entry)
        if entries:
            found[name] = entries
    return found


def _entry(line: Mapping[str, Any]) -> Entry:
    return Entry(
        id=_name(line.get("id")),
        name=_name(line.get("display_name")),
        context_window=_tokens(line.get("context_window")),
        max_output=_tokens(line.get("max_output")),
        capabilities=_words(line.get("capabilities")),
        score=_score(line.get("pinchbench_score")),
        url=_url(line.get("pinchbench_url")) or "",
    )


def _override(said: Mapping[str, Any]) -> Override:
    format_, urls = said.get("api_format"), ("base_url", "website", "api_key_url")
    known = {name: _url(said[name]) for name in urls if name in said}
    return Override(api_format=format_ if isinstance(format_, str) else None, **known)


def _words(value: object) -> tuple[str, ...]:
    listed = value[:MOST_WORDS] if isinstance(value, list) else []
    return tuple(dict.fromkeys(text for word in listed if (text := _name(word))))


def _told(said: Override) -> dict[str, str]:
    return {name: value for name, value in said._asdict().items() if value is not None}


def _lines(models: Mapping[str, Entry]) -> list[dict[str, Any]]:
    known = ({n: v for n, v in line._asdict().items() if v != UNKNOWN.get(n)} for line in models.values())
    return [{_WRITTEN.get(name, name): plain(value) for name, value in line.items()} for line in known]


_WRITTEN = {"name": "display_name", "score": "pinchbench_score", "url": "pinchbench_url"}


def _named(value: object) -> Iterator[tuple[str, Any]]:
    """Yield the entries of an object whose keys may be the ids of providers."""
    for key, entry in _mapping(value).items():
        if is_provider_id(name := key.strip()):
            yield name, entry


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(value: object) -> str:
    """Return a model's name: one line of visible text, else nothing."""
    text = value.strip() if isinstance(value, str) else ""
    whole = text.isprintable() and "\ufffd" not in text  # which stands for what could not be read
    return text if whole and len(text) <= LONGEST_NAME else ""


def _tokens(value: object) -> int:
    return value if type(value) is int and 0 < value <= MOST_TOKENS else 0


def _score(value: object) -> float | None:
    known = type(value) in (int, float) and 0 <= value <= BEST_SCORE  # type: ignore[operator]
    return float(value) if known else None  # type: ignore[arg-type]


def _url(value: object) -> str | None:
    """Return an address on the web, else None."""
    text = value.strip() if isinstance(value, str) else ""
    fit = text.startswith(("https://", "http://")) and len(text) <= LONGEST_URL
    return text if fit and text.isprintable() and " " not in text else None
