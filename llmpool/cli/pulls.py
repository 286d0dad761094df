"""`llmpool models pull` and `remove`: what is on the disks of servers."""

from typing import TYPE_CHECKING, Annotated, Any

from llmpool.cli.context import Terminal
from llmpool.cli.grammar import Argument, Context, Option, examples, verbs
from llmpool.cli.options import JsonFlag, RefArgument, YesFlag
from llmpool.core.word import word
from llmpool.errors import Exit, Misuse

if TYPE_CHECKING:
    from llmpool.setup.downloads import Reconciled
    from llmpool.state.downloads import Job

SHORT = "Fetch a model, or what is declared or was interrupted."
PULL_EXAMPLES = (
    "llmpool models pull den/qwen3:8b",
    "llmpool models pull --list",
    "llmpool models pull --cancel den/qwen3:8b",
    "llmpool models pull embedded/smollm2-135m",
    "llmpool models pull embedded/mine --from ./mine.gguf",
)
REMOVE_EXAMPLES = ("llmpool models remove den/qwen3:8b", "llmpool models remove embedded/smollm2-135m --yes")


app = verbs("Say what is on the disks of servers.")


@app.command(short_help=SHORT, epilog=examples(*PULL_EXAMPLES))
def pull(
    ctx: Context,
    ref: Annotated[
        str,
        Argument(metavar="[REF]", autocompletion="models", show_default=False, help="A model, new or known."),
    ] = "",
    source: Annotated[str, Option("--from", metavar="URL_OR_FILE", help="Any GGUF, from here.")] = "",
    sha256: Annotated[str, Option("--sha256", metavar="HEX", help="What --from must be.")] = "",
    queue: Annotated[bool, Option("--list", help="Show each provider's pull, and how it goes.")] = False,
    cancel: Annotated[
        str,
        Option(
            "--cancel",
            metavar="REF",
            autocompletion="targets",
            help="Call a pull off, wherever it runs.",
        ),
    ] = "",
    as_json: JsonFlag = False,
) -> int:
    """Fetch a model at an Ollama or LM Studio server, or for the embedded provider.

    Without REF: every model declared with `pull = true` that is missing, and what was interrupted. One pull
    at a time for each provider; one that broke off goes on where it stopped. An embedded model is verified
    by size and SHA-256 before it gets its name.
    """
    terminal: Terminal = ctx.obj
    if sum((queue, bool(cancel), bool(ref))) > 1 or ((source or sha256) and not ref):
        raise Misuse("--list and --cancel go alone; --from and --sha256 want a REF")
    if queue:
        return _list(terminal, as_json)
    if cancel:
        return _cancel(terminal, cancel, as_json)
    return _one(terminal, ref, source, sha256, as_json) if ref else _take_up(terminal, as_json)


def _one(terminal: Terminal, ref: str, source: str, sha256: str, as_json: bool) -> int:
    from llmpool.cli.progress import Progress
    from llmpool.cli.transfer import moving
    from llmpool.core.text import size
    from llmpool.setup import downloads

    with Progress(terminal) as progress:
        pulled = downloads.pull(
            terminal.pool,
            ref,
            lambda event: progress.line(moving(event)),
            source=source,
            sha256=sha256,
        )
    if as_json:
        facts = {"size": pulled.size, "sha256": pulled.sha256, "licence": pulled.licence}
        known = {name: value or None for name, value in facts.items()}
        more = {"present": pulled.present, "remote": pulled.remote}
        terminal.json({"model": {"id": pulled.ref, **known, **more}})
        return Exit.OK
    told = [size(pulled.size)] if pulled.size else []
    told += ["was there already" if pulled.present else "verified" if pulled.sha256 else "pulled"]
    verified = f"; {pulled.licence or 'licence unknown'}" if pulled.sha256 else ""
    cloud = "; it does not run there: your prompts are sent on to a cloud" if pulled.remote else ""
    terminal.say(f"{pulled.ref}: {', '.join(told)}{verified}{cloud}")
    return Exit.OK


def _take_up(terminal: Terminal, as_json: bool) -> int:
    from llmpool.cli.progress import Progress
    from llmpool.cli.transfer import moving
    from llmpool.setup import downloads

    with Progress(terminal) as progress:
        done = downloads.reconcile(
            terminal.pool,
            pull=True,
            remove=False,
            ask=lambda _refs: False,
            tell=lambda event: progress.line(moving(event)),
        )
    if as_json:
        terminal.json(document(done))
    else:
        tell(terminal, done)
        if not any(done):
            terminal.say(
                "nothing to pull: what is declared with pull = true is there, nothing was interrupted"
            )
    if done.broken:
        raise done.broken
    if done.failed:
        return Exit.PARTLY
    return Exit.BUSY if done.busy and not done.pulled else Exit.OK


def tell(terminal: Terminal, done: "Reconciled") -> None:
    """Tell what was pulled and removed, and what was not and why."""
    for ref in done.pulled:
        terminal.say(f"{ref}: pulled")
    for ref in done.removed:
        terminal.say(f"{ref}: removed")
    for ref in done.busy:
        terminal.say(f"{ref}: left to another process that pulls there; see: llmpool models pull --list")
    for ref, error in done.failed:
        once = error.replace(f" model {ref.partition('/')[2]}:", ":", 1)  # the name stands in front of it
        terminal.error(f"{ref}: {once}", hint=dict(done.ways_out).get(ref, ""))


def document(done: "Reconciled") -> dict[str, Any]:
    """Return what was pulled and removed as the fields of a JSON document."""
    return {
        "pulled": list(done.pulled),
        "removed": list(done.removed),
        "failed": [{"id": ref, "error": error} for ref, error in done.failed],
        "kept": list(done.kept),
        "busy": list(done.busy),
    }


def _list(terminal: Terminal, as_json: bool) -> int:
    from llmpool.cli.tables import show
    from llmpool.cli.transfer import amount
    from llmpool.setup import downloads

    jobs = downloads.listing(terminal.pool)
    if as_json:
        terminal.json({"downloads": [_entry(job) for job in jobs]})
        return Exit.OK
    if not jobs:
        terminal.say("no model was ever pulled from here")
    rows = [
        [job.ref, _state(job), amount(job.done, job.total), terminal.when(job.since), job.error]
        for job in jobs
    ]
    show(terminal, ["model", "!state", ">progress", ">~began", ""], rows)
    return Exit.OK


def _state(job: "Job") -> str:
    tries = f", try {job.attempts}" if job.attempts > 1 else ""
    return ("stopping" if job.stop else job.state) + tries


def _entry(job: "Job") -> dict[str, Any]:
    share = round(job.done / job.total, 4) if job.total else None
    return {
        "id": job.ref,
        "provider": job.provider,
        "model": job.model,
        "state": job.state,
        "done": job.done,
        "total": job.total or None,
        "share": share,
        "since": job.since,
        "attempts": job.attempts,
        "pid": job.pid or None,
        "stopping": job.stop,
        "error": job.error or None,
        "error_kind": job.kind or None,
    }


def _cancel(terminal: Terminal, ref: str, as_json: bool) -> int:
    from llmpool.setup import downloads

    jobs = downloads.cancel(terminal.pool, ref)
    if as_json:
        terminal.json({"downloads": [_entry(job) for job in jobs]})
        return Exit.OK
    for job in jobs:
        terminal.say(f"{job.ref}: {'is being stopped' if job.stop else 'cancelled'}")
    return Exit.OK


@app.command(epilog=examples(*REMOVE_EXAMPLES))
def remove(ctx: Context, ref: RefArgument, yes: YesFlag = False) -> int:
    """Delete a model from the disk of its server: Ollama's, or this machine's for the embedded provider."""
    from llmpool.cli.confirm import confirm
    from llmpool.setup import models

    terminal: Terminal = ctx.obj
    where = models.place(terminal.pool, ref, known=True)
    models.check_removable(terminal.pool, where)
    confirm(terminal, f"delete {where.ref} from {models.disk_of(terminal.pool, where)}?", yes=yes)
    models.remove(terminal.pool, where)
    terminal.say(f"{where.ref} is deleted; again: llmpool models pull {word(where.ref)}")
    if models.is_wanted(terminal.pool, where):
        terminal.say("it is declared with pull = true: the next refresh --pull fetches it again")
    return Exit.OK
