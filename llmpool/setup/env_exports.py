"""What another tool must find in its environment to use a provider of this pool, and how a shell is told.

Which variables those are is in `env_tools`; where paths begin is what the tools' clients append: Anthropic's
and Google's their version, OpenAI's nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from llmpool import credentials, ways
from llmpool.core.ids import split_ref
from llmpool.core.provider import Provider
from llmpool.errors import Misuse, Refused
from llmpool.formats import plan as plans
from llmpool.formats import urls
from llmpool.pool import Pool
from llmpool.registry import resolve
from llmpool.setup.env_tools import CODEX, NOTES, OPENCODE, OWN_KEY, PACKAGES, TOOLS, Names


class Export(NamedTuple):
    """One variable for another tool; a value of None means that it must not be set."""

    name: str
    value: str | None
    secret: bool = False

    def __repr__(self) -> str:
        return f"Export({self.name!r})"


class Found(NamedTuple):
    """The variables for a tool, and what its user has to know besides."""

    exports: list[Export]
    notes: tuple[str, ...] = ()


_ENDS_A_TEXT = re.compile("['\u2018-\u201b]")  # to PowerShell
_ALSO_OPENAI = ("responses", "ollama", "lmstudio", "copilot")  # servers that speak it beside their own


def exports(pool: Pool, provider: Provider, tool: str, model: str = "") -> Found:
    """List what *tool* must find to use a provider, the key included.

    Raises Refused where it speaks none of the provider's formats, Misuse for a tool nobody knows, and
    NoCredential where the key cannot be read.
    """
    if tool not in TOOLS:
        raise Misuse(f"--for {tool!r} is not known", hint=f"one of: {', '.join(TOOLS)}")
    if provider.preset == "embedded":
        raise Refused(
            f"{provider.id} runs inside llmpool and has no address", hint="another provider has one"
        )
    if provider.oauth and not provider.keys:
        raise Refused(
            f"{provider.id} is asked with an account, whose tokens last for minutes and serve llmpool alone",
            hint="another tool logs in by itself",
        )
    spoken = _spoken(pool, provider)
    wire = next((name for name in spoken if name in TOOLS[tool]), "")
    if not wire:
        raise Refused(
            f"{tool} speaks {' or '.join(TOOLS[tool])}, {provider.id} speaks {' and '.join(spoken)}",
            hint="llmpool providers list shows what the others speak",
        )
    names, chosen = TOOLS[tool][wire], _model(pool, provider, model)
    place = _place(pool, provider, names, wire)
    if tool == OPENCODE:
        return Found(list(_opencode(pool, provider, place, wire, chosen)))
    if tool == CODEX:
        return Found(_keys(place, names, wire), (_codex(provider, place, chosen),))
    notes = (NOTES[tool],) if tool in NOTES else ()
    return Found([*_addresses(place, names), *_keys(place, names, wire), *_besides(names, chosen)], notes)


def _model(pool: Pool, provider: Provider, ref: str) -> str:
    """Return the name of the model that *ref* means at a provider: an id, an alias, or a name it carries."""
    if not ref:
        return ""
    mine = [row for row in resolve.find(ref, pool.table) if split_ref(row.id)[0] == provider.id]
    if not mine:
        raise resolve.unknown(ref if "/" in ref else f"{provider.id}/{ref}", pool.table)
    return split_ref(mine[0].id)[1]


def _spoken(pool: Pool, provider: Provider) -> list[str]:
    """List the formats a provider is known to speak, those that came before others first."""
    plan = ways.plan(pool, provider, "", provider.url)
    names = [plan.native] if plan.native else plans.order(plan)[:1]
    return [*names, *(["openai"] if names[0] in _ALSO_OPENAI else [])]


class _Place(NamedTuple):
    """Where a provider is spoken to, with which key, and whether that is sent as a bearer token."""

    url: str
    secret: str
    bearer: bool = False

    def __repr__(self) -> str:
        return f"_Place({self.url!r})"


def _place(pool: Pool, provider: Provider, names: Names, wire: str) -> _Place:
    credential = next(credentials.usable(provider, pool))
    target = ways.target(pool, provider, credential, ways.addresses(pool, provider)[0])
    usual = target.auth == "bearer" or (not target.auth and "anthropic.com" not in target.url)
    bearer = bool(names.bearer) and usual
    return _Place(_BASES[wire](target.url, target.exact) + names.tail, credential.secret, bearer)


def _addresses(place: _Place, names: Names) -> Iterator[Export]:
    """Yield the base address; in two parts for a tool that wants the host and the path by themselves."""
    if not names.path:
        yield Export(names.url, place.url)
        return
    parts = urlsplit(place.url)
    yield Export(names.url, f"{parts.scheme}://{parts.netloc}")
    yield Export(names.path, f"{parts.path}/chat/completions".lstrip("/"))


def _keys(place: _Place, names: Names, wire: str) -> list[Export]:
    """List the key's variable, and the one that must not be set beside it."""
    if place.secret:
        used, other = (names.bearer, names.key) if place.bearer else (names.key, names.bearer)
        found = [Export(used, place.secret, secret=True)]
        return [*found, Export(other, None)] if other else found
    if wire == "openai":
        return [Export(names.key, "none")]  # clients refuse to start without one, and the server wants none
    return []


def _besides(names: Names, model: str) -> Iterator[Export]:
    yield from (Export(name, value) for name, value in names.fixed)
    if model and names.model:
        yield Export(names.model, names.stem + model)


def _codex(provider: Provider, place: _Place, model: str) -> str:
    """Say how codex is started: it takes an address from its config or its options alone.

    The key is in a variable of its own, so that it never goes to OpenAI where the options are forgotten.
    """
    fields = {"name": provider.id, "base_url": place.url, "env_key": OWN_KEY, "wire_api": "responses"}
    table = ", ".join(f"{name}={json.dumps(value)}" for name, value in fields.items())
    options = f"-c model_provider=llmpool -c {_posix(f'model_providers.llmpool={{{table}}}')}"
    return f"start it so: codex {options}{f' -m {_posix(model)}' if model else ''}"


def _opencode(pool: Pool, provider: Provider, place: _Place, wire: str, model: str) -> Iterator[Export]:
    """Yield a whole config for opencode, which knows no model of a provider but those it is told."""
    listed = [split_ref(row.id)[1] for row in pool.table.rows if split_ref(row.id)[0] == provider.id]
    models = [model] if model else listed
    if not models:
        raise Misuse(
            f"opencode has to be told which models {provider.id} has, and none is known",
            hint=f"name one: -m MODEL;  or: llmpool refresh {provider.id}",
        )
    options = {"baseURL": place.url, "apiKey": f"{{env:{OWN_KEY}}}"}
    told = {
        "npm": PACKAGES[wire],
        "name": provider.id,
        "options": options,
        "models": {name: {} for name in models},
    }
    config: dict[str, Any] = {"provider": {"llmpool": told}}
    if model:
        config["model"] = f"llmpool/{model}"
    yield Export("OPENCODE_CONFIG_CONTENT", json.dumps(config))
    yield Export(OWN_KEY, place.secret or "none", secret=bool(place.secret))


def _openai(url: str, exact: bool) -> str:
    return urls.openai_base(url, exact=exact)


def _root(url: str, _exact: bool) -> str:
    return urls.without(url, "/v1/messages", "/v1beta", "/v1", "/api")


_BASES: dict[str, Callable[[str, bool], str]] = {
    "openai": _openai,
    "anthropic": _root,
    "google": _root,
    "ollama": _root,
}


def lines(found: Iterable[Export], shell: str) -> list[str]:
    """Write variables as commands of a shell; raises Misuse for one nobody knows."""
    shell = _ALIKE.get(shell, shell)
    if shell not in _SHELLS:
        raise Misuse(f"--shell {shell!r} is not known", hint=f"one of: {', '.join(_SHELLS)}")
    put, drop = _SHELLS[shell]
    return [drop(each.name) if each.value is None else put(each.name, each.value) for each in found]


def shell_of(program: str) -> str:
    """Return which shell a program such as `$SHELL` is; one nobody knows is taken for bash."""
    name = re.split(r"[/\\]", program)[-1].removesuffix(".exe")
    return {"fish": "fish", "pwsh": "powershell", "powershell": "powershell"}.get(name, "bash")


def _posix(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _fish(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _powershell(text: str) -> str:
    return "'" + _ENDS_A_TEXT.sub(r"\g<0>\g<0>", text) + "'"


_ALIKE = {"zsh": "bash", "sh": "bash", "dash": "bash", "ksh": "bash", "pwsh": "powershell"}
_SHELLS: dict[str, tuple[Callable[[str, str], str], Callable[[str], str]]] = {
    "bash": (lambda name, value: f"export {name}={_posix(value)}", lambda name: f"unset {name}"),
    "fish": (lambda name, value: f"set -gx {name} {_fish(value)}", lambda name: f"set -e {name}"),
    "powershell": (
        lambda name, value: f"$env:{name} = {_powershell(value)}",
        lambda name: f"Remove-Item Env:{name} -ErrorAction Ignore",
    ),
}
