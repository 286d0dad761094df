"""Options that several commands share, each described once.

`with_routing` puts every routing option into a command's signature and hands them over as one value, so that
`route` and `chat` cannot drift apart.
"""

import inspect
import re
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, NamedTuple

import typer

from llmpool.cli import complete
from llmpool.core.record import Record
from llmpool.errors import Misuse

JsonFlag = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
ProviderArgument = Annotated[
    str, typer.Argument(metavar="PROVIDER", autocompletion=complete.providers, help="A configured provider.")
]
RefArgument = Annotated[
    str,
    typer.Argument(metavar="REF", autocompletion=complete.models, help="A deployment, alias or model name."),
]
YesFlag = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]

_SIZE = re.compile(r"(\d+(?:\.\d+)?)([kKmM]?)\Z")
_SECONDS = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?\Z")
_UNIT = {"": 1, "k": 1024, "m": 1024 * 1024}
_DURATION = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}


def size(text: str) -> int:
    """Read a token count such as `900`, `32k` (32,768) or `1M`, as the config does; raises Misuse."""
    found = _SIZE.match(text.strip())
    if not found:
        raise Misuse(f"{text!r} is no size", hint="write 900, 32k or 1M")
    return int(float(found[1]) * _UNIT[found[2].lower()])


def seconds(text: str) -> float:
    """Read a duration such as `20s`, `5m` or `0`; raises Misuse."""
    found = _SECONDS.match(text.strip())
    if not found:
        raise Misuse(f"{text!r} is no duration", hint="write 500ms, 20s, 5m, 2h or 7d")
    return float(found[1]) * _DURATION[found[2]]


class RoutingOptions(Record):
    """The routing options as typed; empty means not given."""

    model: str
    needs: str
    context_size: str
    tool_count: int
    hint: list[str]
    profile: str
    strategy: str
    mode: str
    local_only: bool
    min_quality: int | None
    quality: float | None
    max_cost: str
    exclude: list[str]
    prefer: str
    group: str
    priority: str
    fallback: bool | None
    loose: bool
    force: bool


class _Routing(NamedTuple):
    """One routing option: its type, its default, and what typer makes of it."""

    kind: Any
    default: Any
    option: Any


def _option(kind: Any, default: Any, *names: str, env: bool = True, **settings: Any) -> _Routing:
    """Describe a routing option; its variable is LLMPOOL_ and its long name."""
    name = names[-1].partition("/")[0].lstrip("-").replace("-", "_").upper()
    return _Routing(
        kind, default, typer.Option(*names, envvar=f"LLMPOOL_{name}" if env else None, **settings)
    )


# fmt: off
_ROUTING: dict[str, _Routing] = {
    "model": _option(str, "", "-m", "--model", metavar="REF", autocompletion=complete.models,
        help="A deployment (pins it), an alias, a model name, or auto, cloud, local."),
    "needs": _option(str, "", "--needs", metavar="LIST", autocompletion=complete.needs,
        help="Capabilities it must have: tools,images,json,thinking,streaming."),
    "context_size": _option(str, "", "--context-size", metavar="N",
        help="Tokens of context; estimated from the text when not given."),
    "tool_count": _option(int, 0, "--tool-count", metavar="N", min=0, show_default=False,
        help="How many tools the caller brings."),
    "hint": _option(list[str], [], "--hint", metavar="KEY=VALUE",
        help="A wish that moves scores, e.g. prefer_speed=true."),
    "profile": _option(str, "", "--profile", metavar="NAME", autocompletion=complete.profiles,
        help="A named set of options: premium, fast, private, background, or one of the config."),
    "strategy": _option(str, "", "--strategy", metavar="NAME", autocompletion=complete.strategies,
        help="How to rank: score, value, priority, cost, latency or round_robin."),
    "mode": _option(str, "", "--mode", metavar="MODE", autocompletion=complete.modes,
        help="Where it may run: auto, cloud or local."),
    "local_only": _option(bool, False, "--local-only",
        help="Only this machine and your network; never the cloud."),
    "min_quality": _option(int | None, None, "--min-quality", metavar="N", min=0, max=10,
        help="The least quality rating, 0-10."),
    "quality": _option(float | None, None, "--quality", metavar="N", min=0, max=1,
        help="How good is good enough for the strategy value, 0 to 1."),
    "max_cost": _option(str, "", "--max-cost", metavar="USD",
        help="What the request may cost at worst."),
    "exclude": _option(list[str], [], "--exclude", metavar="ID", autocompletion=complete.targets,
        help="A provider or deployment to leave out, or a pattern such as '*:free'."),
    "prefer": _option(str, "", "--prefer", metavar="PROVIDER", autocompletion=complete.providers,
        help="Ask this provider first when it is eligible."),
    "group": _option(str, "", "--group", metavar="NAME", autocompletion=complete.groups,
        help="Only members of this group."),
    "priority": _option(str, "", "--priority", metavar="P",
        help="interactive or background."),
    "fallback": _option(bool | None, None, "--fallback/--no-fallback",
        help="Let others answer for a pinned model; or try the winner only."),
    "loose": _option(bool, False, "--loose",
        help="Where nobody may answer by that name, what resembles it may."),
    "force": _option(bool, False, "--force", env=False,
        help="Call a provider/model its provider does not list."),
}
# fmt: on


def with_routing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Replace the parameter `routing` of a command by all routing options."""
    signature = inspect.signature(command)
    parameters = [p for name, p in signature.parameters.items() if name != "routing"]
    parameters += [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=Annotated[kind, option]
        )
        for name, (kind, default, option) in _ROUTING.items()
    ]

    @wraps(command)
    def packed(*arguments: Any, **values: Any) -> Any:
        routing = RoutingOptions(**{name: values.pop(name) for name in _ROUTING})
        return command(*arguments, routing=routing, **values)

    packed.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    packed.__annotations__ = {}
    del packed.__wrapped__
    return packed
