"""Options that several commands share, each described once.

`with_routing` puts every routing option into a command's signature and hands them over as one value, so that
`route` and `chat` cannot drift apart.
"""

import re
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any

from llmpool.cli.grammar import Argument, Context, Option, Parameter, parameters
from llmpool.core.record import Record
from llmpool.errors import Misuse

JsonFlag = Annotated[bool, Option("--json", help="Print one JSON document.")]
ProviderArgument = Annotated[
    str, Argument(metavar="PROVIDER", autocompletion="providers", help="A configured provider.")
]
RefArgument = Annotated[
    str,
    Argument(metavar="REF", autocompletion="models", help="A deployment, alias or model name."),
]
YesFlag = Annotated[bool, Option("--yes", "-y", help="Do not ask.")]

_SIZE = r"(\d{1,12}(?:\.\d{1,12})?)([kKmM]?)\Z"  # compiled when they are needed, which is seldom
_SECONDS = r"(\d{1,12}(?:\.\d{1,12})?)(ms|s|m|h|d)?\Z"
_UNIT = {"": 1, "k": 1024, "m": 1024 * 1024}
_HUNDRED_YEARS = 36525 * 86400  # as in the config; what is longer, no clock and no socket can be told
_DURATION = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}


def size(text: str) -> int:
    """Read a token count such as `900`, `32k` (32,768) or `1M`, as the config does; raises Misuse."""
    found = re.match(_SIZE, text.strip())
    if not found:
        raise Misuse(f"{text!r} is no size", hint="write 900, 32k or 1M")
    return int(float(found[1]) * _UNIT[found[2].lower()])


def seconds(text: str) -> float:
    """Read a duration such as `20s`, `5m` or `0`; raises Misuse."""
    found = re.match(_SECONDS, text.strip())
    if not found:
        raise Misuse(f"{text!r} is no duration", hint="write 500ms, 20s, 5m, 2h or 7d")
    told = float(found[1]) * _DURATION[found[2]]
    if told > _HUNDRED_YEARS:
        raise Misuse(f"{text!r} is over a hundred years", hint="use a shorter duration")
    return told


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
    by_variable: tuple[str, ...] = ()


def _option(kind: Any, default: Any, *names: str, env: bool = True, **settings: Any) -> Parameter:
    """Describe a routing option; its variable is LLMPOOL_ and its long name."""
    name = names[-1].partition("/")[0].lstrip("-").replace("-", "_")
    if env:
        settings["envvar"] = f"LLMPOOL_{name.upper()}"
    return Parameter(name, kind, default, Option(*names, **settings))


# fmt: off
_ROUTING = [
    _option(str, "", "-m", "--model", metavar="REF", autocompletion="models",
        help="A deployment (pins it), an alias, a model name, or auto, cloud, local."),
    _option(str, "", "--needs", metavar="LIST", autocompletion="needs",
        help="Capabilities it must have: tools,images,json,thinking,streaming."),
    _option(str, "", "--context-size", metavar="N",
        help="Tokens of context; estimated from the text when not given."),
    _option(int, 0, "--tool-count", metavar="N", min=0, show_default=False,
        help="How many tools the caller brings."),
    _option(list[str], [], "--hint", metavar="KEY=VALUE",
        help="A wish that moves scores, e.g. prefer_speed=true."),
    _option(str, "", "--profile", metavar="NAME", autocompletion="profiles",
        help="A named set of options: premium, fast, private, background, or one of the config."),
    _option(str, "", "--strategy", metavar="NAME", autocompletion="strategies",
        help="How to rank: score, value, priority, cost, latency or round_robin."),
    _option(str, "", "--mode", metavar="MODE", autocompletion="modes",
        help="Where it may run: auto, cloud or local."),
    _option(bool, False, "--local-only",
        help="Only this machine and your network; never the cloud."),
    _option(int | None, None, "--min-quality", metavar="N", min=0, max=10,
        help="The least quality rating, 0-10."),
    _option(float | None, None, "--quality", metavar="N", min=0, max=1,
        help="How good is good enough for the strategy value, 0 to 1."),
    _option(str, "", "--max-cost", metavar="USD",
        help="What the request may cost at worst."),
    _option(list[str], [], "--exclude", metavar="ID", autocompletion="targets",
        help="A provider or deployment to leave out, or a pattern such as '*:free'."),
    _option(str, "", "--prefer", metavar="PROVIDER", autocompletion="providers",
        help="Ask this provider first when it is eligible."),
    _option(str, "", "--group", metavar="NAME", autocompletion="groups",
        help="Only members of this group."),
    _option(str, "", "--priority", metavar="P",
        help="interactive or background."),
    _option(bool | None, None, "--fallback/--no-fallback",
        help="Let others answer for a pinned model; or try the winner only."),
    _option(bool, False, "--loose",
        help="Where nobody may answer by that name, what resembles it may."),
    _option(bool, False, "--force", env=False,
        help="Call a provider/model its provider does not list."),
]
# fmt: on


def typed(ctx: Context) -> list[str]:
    """Name the routing options that stand on the line, and not in a variable, which is for many runs."""
    source = getattr(ctx, "get_parameter_source", None)  # Typer's; without it no variable was set
    given = (p for p in _ROUTING if ctx.params.get(p.name) not in (p.default, [], ()))
    here = (p for p in given if not source or source(p.name).name == "COMMANDLINE")
    return [p.declared.names[-1].partition("/")[0] for p in here]


def with_routing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Replace the parameter `routing` of a command by all routing options."""

    @wraps(command)
    def packed(*arguments: Any, **values: Any) -> Any:
        source = getattr(values.get("ctx"), "get_parameter_source", None)  # as in `typed`
        lent = tuple(p.name for p in _ROUTING if source and source(p.name).name == "ENVIRONMENT")
        given = {p.name: values.pop(p.name) for p in _ROUTING}
        routing = RoutingOptions(**given, by_variable=lent)
        return command(*arguments, routing=routing, **values)

    own = [p for p in parameters(command) if p.name != "routing"]
    packed.parameters = [*own, *_ROUTING]  # type: ignore[attr-defined]
    return packed
