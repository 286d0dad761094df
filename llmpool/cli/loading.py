"""`llmpool models load`, `unload` and `ps`: what is in the memory of servers."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, RefArgument, seconds, size
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.cli.progress import Progress
    from llmpool.discovery.load import Loaded
    from llmpool.discovery.memory import Entry, Report
    from llmpool.formats.loading import InMemory

PS_EXAMPLES = (
    "llmpool models ps",
    "llmpool models ps den",
    "llmpool models ps --json | jq -r '.models[] | [.id, .context] | @tsv'",
)
LOAD_EXAMPLES = (
    "llmpool models load den/qwen3:14b --context 32k",
    "llmpool models load den/qwen3:14b --context 32k --save",
    "llmpool models load den/qwen3:14b --keep-alive 1h",
)
UNLOAD_EXAMPLES = ("llmpool models unload den/qwen3:14b", "llmpool models unload embedded/smollm2-135m")
FOREVER = ("forever", "-1")
AGES = 10 * 365 * 86400  # a server that names a later end means that there is none


app = verbs("Say what is in the memory of servers.")


@app.command(epilog=examples(*LOAD_EXAMPLES))
def load(
    ctx: Context,
    ref: RefArgument,
    context: Annotated[
        str,
        Option(
            "--context", metavar="N", help="Tokens of context; the declared or the server's own if not given."
        ),
    ] = "",
    keep_alive: Annotated[
        str, Option("--keep-alive", metavar="TIME", help="Stay so long after the last use, or forever.")
    ] = "",
    timeout: Annotated[str, Option("--timeout", metavar="TIME", help="What it may take.")] = "5m",
    save: Annotated[
        bool, Option("--save", help="Declare this context window in the config, for always.")
    ] = False,
    as_json: JsonFlag = False,
) -> int:
    """Load a model into its server's memory: LM Studio, Ollama, llama.cpp as a router, or embedded.

    A model that is loaded with another window is loaded anew; if that fails or is interrupted, LM Studio and
    the embedded provider get back what they had.
    """
    from llmpool.cli.progress import Progress
    from llmpool.discovery.load import Ears, load_ref

    terminal: Terminal = ctx.obj
    window = size(context) if context else 0
    if save and not window:
        raise Misuse("--save declares a context window, and none was given", hint="add --context 32k")
    with Progress(terminal) as progress:
        done = load_ref(
            terminal.pool,
            ref,
            context=window,
            keep_alive=_keep_alive(keep_alive),
            seconds=seconds(timeout),
            ears=Ears(
                lambda text: _tell(terminal, progress, text),
                lambda passed: progress.line(f"  loading {ref}   {passed:.0f} s"),
            ),
        )
    if save:
        _save(terminal, done.ref, window)
    if as_json:
        terminal.json({"model": _loaded(done)})
    else:
        terminal.say(told(done, terminal.pool.clock(), save=window > 0 and not save))
    return Exit.OK


@app.command(epilog=examples(*UNLOAD_EXAMPLES))
def unload(ctx: Context, ref: RefArgument) -> int:
    """Take a model out of its server's memory; the next chat loads it again."""
    from llmpool.discovery.memory import unload as take_out

    terminal: Terminal = ctx.obj
    was_there = take_out(terminal.pool, ref)
    terminal.say(f"{ref} is unloaded" if was_there else f"{ref} was not loaded")
    return Exit.OK


@app.command(epilog=examples(*PS_EXAMPLES))
def ps(
    ctx: Context,
    provider: Annotated[
        str,
        Argument(metavar="[PROVIDER]", autocompletion="providers", help="Only this one.", show_default=False),
    ] = "",
    timeout: Annotated[str, Option("--timeout", metavar="TIME", help="For each provider.")] = "15s",
    as_json: JsonFlag = False,
) -> int:
    """Show what is in the memory of every local server: size, window, share of the GPU, until when."""
    from llmpool.cli.progress import Progress
    from llmpool.discovery.memory import ps as ask

    terminal: Terminal = ctx.obj
    with Progress(terminal) as progress:
        report = ask(
            terminal.pool,
            provider,
            timeout=seconds(timeout),
            heard=lambda name: progress.line(f"  {name} has answered"),
        )
    if as_json:
        terminal.json(document(report), entries="models")
    else:
        _show(terminal, report)
    return Exit.PARTLY if report.partly else Exit.OK


def _keep_alive(text: str) -> float | None:
    """Read how long to stay; forever is any negative time, as servers have it."""
    return None if not text else -1.0 if text in FOREVER else seconds(text)


def _tell(terminal: Terminal, progress: "Progress", text: str) -> None:
    """Say a line where the progress is drawn."""
    progress.__exit__()
    terminal.say(text)


def _save(terminal: Terminal, ref: str, window: int) -> None:
    from llmpool.setup.declare import declare

    declare(terminal.pool, ref, {"context_window": window})
    terminal.say(f"declared: {ref} has a context window of {window:,} tokens")


def told(done: "Loaded", now: float, *, save: bool = False) -> str:
    """Say how a load ended: the time, the window, how much of it is on the GPU, how long it stays.

    *save*: a window was ordered for once, which is said unless it is declared already.
    """
    window = f"{done.context:,} tokens" if done.context else "window unknown"
    always = ".  Always: --save" if save and done.declared != done.context else ""
    if not done.changed:
        return f"{done.ref} is loaded already, {window}{always}"
    was = f" (was {done.before:,})" if done.before and done.before != done.context else ""
    took = f"{done.seconds:.1f}" if done.seconds < 10 else f"{done.seconds:.0f}"
    parts = [f"{done.ref}: loaded in {took} s", window + was]
    if done.memory is not None:
        share = gpu(done.memory)
        parts += [f"{share} GPU"] if share else []
    return ", ".join(parts) + f"; {_kept(done, now)}{always}"


def _kept(done: "Loaded", now: float) -> str:
    """Say how long a model stays: as it was ordered, as its server says, else as that decides."""
    from llmpool.core.times import span

    until = _until(done.memory.until, now) if done.memory is not None else ""
    if done.kept is not None:
        until = "until it is unloaded" if not 0 < done.kept <= AGES else f"{span(done.kept)} after last use"
    return f"kept {until or 'as its server decides'}"


def gpu(memory: "InMemory") -> str:
    """Say what share of a model is on the GPU, nothing where the server does not tell."""
    from llmpool.cli.output import percent

    if memory.vram is None or not memory.size:
        return ""
    return percent(min(1.0, memory.vram / memory.size))


def _until(until: str, now: float) -> str:
    """Say until when a model stays; nothing where nobody knows."""
    if not until:
        return ""
    import calendar
    import time

    from llmpool.core.times import span

    left = calendar.timegm(time.strptime(until, "%Y-%m-%dT%H:%M:%SZ")) - now
    if left > AGES:
        return "until it is unloaded"
    return f"{span(left)} after last use" if left > 0 else ""


def document(report: "Report") -> dict[str, Any]:
    """Write the document of `models ps --json`."""
    return {
        "models": [_entry(entry) for entry in report.entries],
        "errors": [
            {"provider": e.provider, "kind": e.kind, "message": e.message, "optional": e.optional}
            for e in report.unheard
        ],
        "skipped": [{"provider": name, "reason": why} for name, why in report.skipped],
    }


def _entry(entry: "Entry") -> dict[str, Any]:
    memory = entry.memory
    shown = {
        "id": f"{entry.provider}/{memory.name}",
        "provider": entry.provider,
        "model": memory.name,
        **_memory(memory),
    }
    if entry.host is not None:
        shown |= entry.host._asdict()
    return shown


def _memory(memory: "InMemory") -> dict[str, Any]:
    return {
        "state": memory.state,
        "instance": memory.instance or None,
        "context": memory.context or None,
        "size": memory.size or None,
        "size_vram": memory.vram,
        "until": memory.until or None,
    }


def _loaded(done: "Loaded") -> dict[str, Any]:
    provider, _, model = done.ref.partition("/")
    shown = {
        "id": done.ref,
        "provider": provider,
        "model": model,
        "changed": done.changed,
        "seconds": round(done.seconds, 1),
        "previous_context": done.before or None,
    }
    known = _memory(done.memory) if done.memory is not None else {}
    return shown | known | {"instance": done.instance or None, "context": done.context or None}


def _show(terminal: Terminal, report: "Report") -> None:
    from llmpool.cli.tables import show

    if report.entries:
        rows = [_row(entry, terminal.pool.clock()) for entry in report.entries]
        show(terminal, ["model", ">window", ">~size", ">~~GPU", "stays"], rows)
    elif not report.unheard and not report.skipped:
        terminal.say("nothing is loaded; load one: llmpool models load REF")
    for unheard in report.unheard:
        terminal.warn(f"{unheard.provider}: {unheard.message.removeprefix(f'{unheard.provider}: ')}")
    if report.skipped:
        terminal.say(f"not asked (--offline): {', '.join(name for name, _ in report.skipped)}")


def _row(entry: "Entry", now: float) -> list[str]:
    from llmpool.cli.output import window
    from llmpool.core.text import size as bytes_shown

    memory, host = entry.memory, entry.host
    until = f"process {host.pid}, port {host.port}" if host else _until(memory.until, now)
    state = "" if memory.state == "loaded" else memory.state
    name = f"{entry.provider}/{memory.name}"
    if memory.instance and memory.instance != memory.name:
        name += f" ({memory.instance})"
    return [
        name,
        window(memory.context),
        bytes_shown(memory.size) if memory.size else "?",
        gpu(memory) or "?",
        ", ".join(filter(None, (state, until))),
    ]
