"""gopherclaw: its `config.json` and the GitHub token of its Copilot login (failover-cooldown 1-4, 7.2)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from llmpool.errors import Misuse
from llmpool.formats.base import mapping, usable_name
from llmpool.importers import files
from llmpool.importers.found import first_text, key_of
from llmpool.importers.moved import Account, Arrival, Gathering, Key, Moved, given, names

SOURCE = "gopherclaw"
PLACE = "~/.gopherclaw"
CONFIG = "config.json"
AUTH = "agents/main/agent/auth.json"
COPILOT = "github-copilot"
_NO_KEY = "no-key"  # what it sends where there is none
_ANTHROPIC = "ANTHROPIC_API_KEY"
_BUDGET = 8192  # tokens of thinking, where nothing else is said
_TURN = 300  # seconds, its default
_DEFAULTS = {  # the addresses it knows; all of them are spoken to as OpenAI is
    "openai": "https://api.openai.com/v1",
    "groq": "https://api.groq.com/openai/v1",
    "openrouter": "https://openrouter.ai/api/v1",
    "mistral": "https://api.mistral.ai/v1",
    "together": "https://api.together.xyz/v1",
    "fireworks": "https://api.fireworks.ai/inference/v1",
    "perplexity": "https://api.perplexity.ai",
    "gemini": "https://generativelanguage.googleapis.com/v1beta/openai",
    "ollama": "http://localhost:11434/v1",
    "lmstudio": "http://localhost:1234/v1",
}
_OURS = {"gemini": "google"}
_NATIVE = ("ollama", "lmstudio")  # spoken to here in their own way, which begins above /v1
_HINT = "name its directory (~/.gopherclaw) or its config.json"


def read(place: Path) -> Moved:
    """Read its config, and its Copilot login beside it; raises Misuse where neither is there."""
    gathering = Gathering()
    folder = place if place.is_dir() else place.parent
    config = folder / CONFIG if place.is_dir() else place
    auth = folder / AUTH
    if not config.is_file() and not auth.is_file():
        raise Misuse(f"nothing of gopherclaw is in {place}", hint=_HINT)
    content: dict[str, Any] = {}
    if config.is_file():
        gathering.files.append(str(config))
        content = files.json_with_comments(config)
        if not content.keys() & {"providers", "agents", "env"}:
            raise Misuse(f"{config} is no config of gopherclaw", hint=_HINT)
    _providers(content, gathering)
    _agents(mapping(mapping(content.get("agents")).get("defaults")), gathering)
    if auth.is_file():
        gathering.files.append(str(auth))
        _copilot(mapping(files.json_with_comments(auth).get(COPILOT)), gathering)
    rest = content.keys() - {"providers", "agents", "env"}
    if rest:
        gathering.leave(f"settings of {names(rest)}", "not about providers or models")
    return gathering.moved(SOURCE)


def _providers(content: dict[str, Any], gathering: Gathering) -> None:
    env, entries = mapping(content.get("env")), mapping(content.get("providers"))
    for name, value in entries.items():
        if value is None:
            gathering.leave(f"provider {name}", "it is null there, which switches it off")
        elif name == COPILOT:
            gathering.leave(
                f"provider {name}", "gopherclaw would send it to OpenAI; a login makes the real one"
            )
        elif name == "anthropic":
            _anthropic(mapping(value), env, gathering)
        else:
            _compatible(name, mapping(value), gathering)
    if "anthropic" not in entries and env.get(_ANTHROPIC):
        _anthropic({}, env, gathering)
    for variable in sorted(env.keys() - {_ANTHROPIC}):
        gathering.leave(f"variable {variable}", "export it in your shell if another program needs it")


def _anthropic(entry: dict[str, Any], env: dict[str, Any], gathering: Gathering) -> None:
    """Take Anthropic's own provider: its key, else the one among the variables; else the shell's."""
    keys = _keys("anthropic", first_text(entry.get("apiKey"), env.get(_ANTHROPIC)), gathering)
    if first_text(entry.get("baseURL")):
        gathering.leave(
            "baseURL of anthropic", "gopherclaw never used it; if it is wanted: llmpool providers set"
        )
    gathering.providers["anthropic"] = Arrival(id="anthropic", keys=keys, vendor=True)


def _compatible(name: str, entry: dict[str, Any], gathering: Gathering) -> None:
    """Take a provider that is spoken to as OpenAI is; a vendor's own address is left to the preset."""
    url = first_text(entry.get("baseURL")).rstrip("/")
    known = _DEFAULTS.get(name, "")
    vendor = bool(known) and url in ("", known)
    native = name in _NATIVE
    fields = {
        "url": "" if vendor else url.removesuffix("/v1") if native else url,
        "format": "" if vendor or native else "openai",
    }
    target = _OURS.get(name, name) if vendor else name
    keys = _keys(name, first_text(entry.get("apiKey")), gathering)
    gathering.providers[name] = Arrival(  # by its name there: two of them may be one here, which is told then
        id=target, was=name, fields=given(fields), keys=keys, vendor=vendor or not url
    )
    for field in sorted(entry.keys() - {"apiKey", "baseURL"}):
        gathering.leave(f"{name}: {field}", "gopherclaw does not read it")


def _keys(name: str, text: str, gathering: Gathering) -> tuple[Key, ...]:
    return () if text == _NO_KEY else gathering.keys(name, text)


def _agents(defaults: dict[str, Any], gathering: Gathering) -> None:
    """Take which models are asked first and next and by which names; thinking is Anthropic's."""
    model = mapping(defaults.get("model"))
    if primary := first_text(model.get("primary")):
        gathering.settings[("default_model",)] = _ref(primary)
    fallbacks = model.get("fallbacks")
    refs = (
        [_ref(each.strip()) for each in fallbacks if isinstance(each, str)]
        if isinstance(fallbacks, list)
        else []
    )
    if refs:
        gathering.settings[("routing", "fallbacks")] = refs
    taken: dict[str, str] = {}
    for ref, value in mapping(defaults.get("models")).items():
        alias = first_text(mapping(value).get("alias"))
        if alias and taken.setdefault(alias, ref) != ref:
            gathering.leave(f"alias {alias} of {ref}", f"it means {taken[alias]} already")
        elif alias and usable_name(ref):
            gathering.models.setdefault(_ref(ref), {})["aliases"] = [alias]
    _thinking(mapping(defaults.get("thinking")), gathering)
    seconds = defaults.get("timeoutSeconds")
    if isinstance(seconds, int) and seconds not in (0, _TURN):
        gathering.leave(
            f"timeoutSeconds = {seconds}",
            "a turn's deadline; here: total_timeout of a provider, chat --max-wait",
        )
    rest = defaults.keys() - {"model", "models", "thinking", "timeoutSeconds"}
    if rest:
        gathering.leave(f"agents.defaults: {names(rest)}", "settings of the agent, not of providers")


def _ref(name: str) -> str:
    """Return the id here of a model there; one without a provider is Copilot's (ibid. 1.2)."""
    provider, slash, model = name.partition("/")
    return f"{_OURS.get(provider, provider)}/{model}" if slash else f"{COPILOT}/{name}"


def _thinking(said: dict[str, Any], gathering: Gathering) -> None:
    """Take thinking as gopherclaw decides on it: a level first, then whether it is enabled (ibid. 6.5)."""
    level = first_text(said.get("level"))
    wanted = level in ("enabled", "adaptive") if level else said.get("enabled") is True
    if not said or not (wanted or level):
        return
    budget = said.get("budgetTokens")
    tokens = budget if isinstance(budget, int) and not isinstance(budget, bool) and budget > 0 else _BUDGET
    anthropic = gathering.providers.get("anthropic")
    if anthropic is None:
        gathering.leave("thinking", "it is Anthropic's, and no provider anthropic comes along")
        return
    params = (("params", {"thinking": str(tokens) if wanted else "off"}),)
    gathering.providers["anthropic"] = anthropic.replace(fields=(*anthropic.fields, *params))


def _copilot(entry: dict[str, Any], gathering: Gathering) -> None:
    token = key_of(entry.get("key"))
    if not token:
        gathering.leave("Copilot login", "its file has no token")
        return
    gathering.accounts.append(Account(provider=COPILOT, type="copilot", access=token))
