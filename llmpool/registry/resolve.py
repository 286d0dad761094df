"""Text to deployment: exact id, alias, a name one deployment carries, `:latest` (DESIGN ruling 1)."""

from __future__ import annotations

import re
from fnmatch import translate

from llmpool.core.config import MODES
from llmpool.core.ids import split_ref
from llmpool.core.names import spellings
from llmpool.core.routing import RouteRequest, RoutingRow, RoutingTable
from llmpool.errors import AmbiguousName, UnknownName

SHOWN = 5  # names that an error suggests
_LONGEST = 80  # characters of a name that an error repeats
_GOOGLES = ("google", "cloudcode")  # formats whose vendor writes `models/` in front of each name
_PATTERN = frozenset("*?[")


def find(ref: str, table: RoutingTable) -> list[RoutingRow]:
    """Find the deployments that *ref* means: one for an id or alias, all that carry a name.

    Blanks around it do not matter, case does. `provider/model` never leaves a provider that is configured.
    Nothing raises here; an empty list means nobody carries it.
    """
    ref = ref.strip()
    wanted = (ref, table.aliases.get(ref, ref))
    exact = {row.id: row for row in table.rows if row.id in wanted}
    if exact:
        return [exact.get(ref) or exact[wanted[1]]]
    if _owner(ref, table):
        meant = {*spellings(ref), *_googled(ref, table)}
        return [row for row in table.rows if row.id in meant][:1]
    named = (_carriers(name, table) for name in spellings(ref))
    return next(filter(None, named), None) or _at_google(ref, table)


def one(ref: str, table: RoutingTable) -> RoutingRow:
    """Find the one deployment that *ref* means; raises UnknownName or AmbiguousName with the candidates."""
    found = find(ref, table)
    if len(found) == 1:
        return found[0]
    if found:
        ids = [row.id for row in found]
        raise AmbiguousName(
            f'"{ref}" is carried by {len(ids)} deployments',
            lines=tuple(ids),
            hint="name one of them",
            details={"candidates": ids},
        )
    raise unknown(ref, table)


def with_mode(request: RouteRequest) -> RouteRequest:
    """Let a word for the mode that was typed as the model be the mode, where no other is given.

    As one that was typed it comes before that of any profile, which is laid under it later. Of two words
    `local` holds: what must not leave the house does not, whatever else some variable says.
    """
    word = request.model.strip().lower()
    if word not in MODES:
        return request
    return request.replace(mode=word if word == "local" else request.mode or word)


def matching(pattern: str, table: RoutingTable) -> list[str]:
    """List the providers, else the deployments, that a pattern such as `openai/*` or `*:free` fits.

    Without a slash it means providers, and with one deployments, whose two halves must each match, as
    policies have it; where none does, whatever model of any provider has such a name. A provider that fits
    stands for all it has. Raises UnknownName where nobody fits, and for text without a wildcard, which is a
    name.
    """
    if _PATTERN.isdisjoint(pattern):
        raise _nobody(pattern, table)
    provider, slash, model = pattern.partition("/")
    owner, found = re.compile(translate(provider)).match, list[str]()
    if not slash:
        found = [str(entry["id"]) for entry in table.providers if owner(str(entry["id"]))]
    elif owned := {str(entry["id"]) for entry in table.providers if owner(str(entry["id"]))}:
        found = [ref for ref in _called(model, table) if split_ref(ref)[0] in owned]
    found = found or _called(pattern, table)
    if not found:
        hint = "see them all: llmpool models list"
        message = f"no provider and no model matches {pattern!r}"
        raise UnknownName(message, hint=hint, details={"candidates": []})
    return found


def _called(pattern: str, table: RoutingTable) -> list[str]:
    """List the deployments of models whose name a pattern fits, in any spelling."""
    fit = re.compile(translate(pattern)).match
    return [row.id for row in table.rows if any(map(fit, spellings(split_ref(row.id)[1])))]


def meant(ref: str, table: RoutingTable) -> list[str]:
    """List the provider, or the deployments, that a name or pattern means; raises UnknownName for nobody."""
    if any(entry["id"] == ref for entry in table.providers):
        return [ref]
    return [row.id for row in find(ref, table)] or matching(ref, table)


def _nobody(ref: str, table: RoutingTable) -> UnknownName:
    """Build the error for a name that neither a provider nor a model has."""
    from llmpool.core.near import near

    error = unknown(ref, table)
    alike = near(ref.strip(), (str(entry["id"]) for entry in table.providers), most=1)
    hint = f"did you mean {alike[0]}?" if alike else error.hint
    message = error.message.replace("no model", "no provider or model", 1)
    return UnknownName(message, hint=hint, lines=error.lines, details=error.details)


def unknown(ref: str, table: RoutingTable) -> UnknownName:
    """Build the error for a name nobody carries, with the nearest ones that exist."""
    ref = ref.strip()
    provider = next((str(e["id"]) for e in table.providers if e["id"] == ref.removesuffix("/")), "")
    if provider:
        return _only_a_provider(provider, table)
    near = nearest(ref, table)
    meant = near or _mode(ref)
    owner = _owner(ref, table)
    hint = f"did you mean {meant[0]}?" if meant else f"see them all: llmpool models list {owner}".rstrip()
    lines = _odd(ref) + (tuple(near) if len(near) > 1 else ())
    shown = ref if len(ref) <= _LONGEST else ref[: _LONGEST - 3] + "..."
    message = f'no model "{shown}" is known' if ref else "no model is named"
    return UnknownName(message, hint=hint, lines=lines, details={"candidates": near})


def _mode(ref: str) -> list[str]:
    """Take a name nobody resembles for a mistyped auto, cloud or local."""
    from llmpool.core.near import near

    return near(ref, MODES, most=1)


def nearest(ref: str, table: RoutingTable, count: int = SHOWN) -> list[str]:
    """List the ids, names and aliases closest to *ref*, best first; upper case does not matter."""
    from llmpool.registry import nearest as search  # its library is for errors alone

    return search.nearest(ref, [row.id for row in table.rows], table.aliases, count)


def _owner(ref: str, table: RoutingTable) -> str:
    """Return the configured provider that a `provider/model` names; empty for anything else."""
    name, model = split_ref(ref)
    return name if model and any(entry["id"] == name for entry in table.providers) else ""


def _carriers(name: str, table: RoutingTable) -> list[RoutingRow]:
    tail = f"/{name}"
    return [row for row in table.rows if row.id.endswith(tail) and split_ref(row.id)[1] == name]


def _googled(ref: str, table: RoutingTable) -> list[str]:
    """Spell `google/models/gemini` as it is listed: without the prefix that only Google writes."""
    name, model = split_ref(ref)
    bare = model.removeprefix("models/")
    google = any(e["id"] == name and e.get("format") in _GOOGLES for e in table.providers)
    return [f"{name}/{bare}"] if google and bare != model else []


def _at_google(ref: str, table: RoutingTable) -> list[RoutingRow]:
    bare = ref.removeprefix("models/")
    if bare == ref:
        return []
    return [row for row in _carriers(bare, table) if table.providers[row.provider].get("format") in _GOOGLES]


def _only_a_provider(provider: str, table: RoutingTable) -> UnknownName:
    """Build the error for a provider's id where a model is wanted: what it has is the way on."""
    models = [row.id for row in table.rows if row.id.startswith(f"{provider}/")]
    more = (f"and {len(models) - SHOWN} more",) if len(models) > SHOWN else ()
    return UnknownName(
        f"{provider} is a provider, not a model",
        lines=(*models[:SHOWN], *more),
        hint=f"its models: llmpool models list {provider}"
        if models
        else f"nothing is known of it yet: llmpool refresh {provider}",
        details={"candidates": models[:SHOWN]},
    )


def _odd(ref: str) -> tuple[str, ...]:
    """Point out characters that are easily taken for others: blanks of all kinds, dashes, other alphabets."""
    odd = sorted({c for c in ref if not c.isascii() or not c.isprintable()})
    if not odd:
        return ()
    codes = ", ".join(f"U+{ord(c):04X}" for c in odd[:SHOWN])
    return (f"it holds characters that are easily taken for others: {codes}",)
