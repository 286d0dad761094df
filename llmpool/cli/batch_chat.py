"""`llmpool chat --batch`: a file of prompts, its answers in the same order, and how it went on stderr."""

from __future__ import annotations

import gc
import json
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from llmpool.chat import batch_input, batch_journal
from llmpool.chat.batch import Batch
from llmpool.chat.batch_ask import Terms
from llmpool.chat.batch_lines import Reader, lines
from llmpool.chat.batch_preview import preview
from llmpool.chat.batch_sheet import InOrder
from llmpool.chat.batch_stop import heeded
from llmpool.cli import requests
from llmpool.cli.batch_view import Shown, show_plan
from llmpool.cli.progress import Progress
from llmpool.cli.refusal import nothing_eligible
from llmpool.decide import decide, understand
from llmpool.errors import Exit, Misuse
from llmpool.registry.resolve import with_mode
from llmpool.state import jsonfile

if TYPE_CHECKING:
    from typing import IO

    from llmpool.chat.batch import Tally
    from llmpool.chat.batch_input import Survey
    from llmpool.chat.batch_journal import Journal
    from llmpool.chat.batch_lines import Fill
    from llmpool.chat.question import Question
    from llmpool.cli.asking import How
    from llmpool.cli.context import Terminal
    from llmpool.cli.options import RoutingOptions
    from llmpool.core.routing import RouteRequest


def run(
    terminal: Terminal,
    source: str,
    question: Question,
    routing: RoutingOptions,
    how: How,
    *,
    jobs: int,
    output: str,
    dry_run: bool = False,
    as_json: bool = False,
    fill: Fill | None = None,
) -> int:
    """Answer every line of *source*; what the command line says holds for each that says nothing else.

    *fill* puts a line's prompt into a template.
    """
    if question.session or question.goes_on:
        raise Misuse("--batch keeps no conversation", hint="leave out -c and --session")
    if fill is not None:
        fill(question.replace(prompt=question.prompt or "x"))  # what is wrong with it is no line's fault
    gc.enable()  # a run of this kind is long
    common = _kept_home(terminal, requests.route_request(routing, question.judged, "", terminal), routing)
    salt = "first block" if how.extract else ""
    reader = Reader(question, common, plain=batch_input.is_plain(source), fill=fill, salt=salt)
    terms = Terms(nothing_eligible, routing.profile, routing.force, how.extract, how.max_wait)
    with ExitStack() as stack:
        file = stack.enter_context(batch_input.opened(source))
        to_file = output not in ("", "-")
        journal = stack.enter_context(batch_journal.opened(output)) if to_file else None
        survey = batch_input.survey(file, reader, journal)
        if dry_run:
            understand(terminal.pool, common, profile=routing.profile, force=routing.force)
            return _preview(terminal, terms, file, reader, journal, survey, as_json=as_json)
        if survey.total is None or survey.answered < survey.total:
            _look_around(terminal, common, routing)
        sheet = InOrder(_write)
        batch = Batch(terminal.pool, terms, lines(file), reader, journal or sheet)
        tally = _run(terminal, batch, jobs, survey, streams=journal is None)
        return _end(terminal, tally, survey, journal or sheet, output)


def _kept_home(terminal: Terminal, common: RouteRequest, routing: RoutingOptions) -> RouteRequest:
    """Let the `local` of a profile hold for every line, as `--mode local` does, whatever it asks for."""
    if not routing.profile or with_mode(common).mode:
        return common
    from llmpool.router import profiles

    own = profiles.find(routing.profile, terminal.pool.table).mode
    return common.replace(mode=own) if own == "local" else common


def _look_around(terminal: Terminal, common: RouteRequest, routing: RoutingOptions) -> None:
    """Meet what is wrong with the options before the first line, and ask providers nobody knows yet."""
    from llmpool.discovery.heal import heal

    pool = terminal.pool
    decide(
        pool,
        common,
        profile=routing.profile,
        force=routing.force,
        heal=lambda wanted: heal(pool, wanted, terminal.say),
    )
    terminal.flush_warnings()


def _run(terminal: Terminal, batch: Batch, jobs: int, survey: Survey, *, streams: bool) -> Tally:
    """Run it; where answers *stream* to stdout they show by themselves how far it is."""
    before = jsonfile.on_warning(lambda text: batch.tally.notice((text,)))
    with ExitStack() as stack:
        stack.callback(jsonfile.on_warning, before)
        progress = None if streams else stack.enter_context(Progress(terminal))
        signals = stack.enter_context(heeded())
        shown = Shown(terminal, progress, batch.tally, survey)
        return batch.run(jobs, signals, lambda: shown.tick(signals.times))


def _end(terminal: Terminal, tally: Tally, survey: Survey, sheet: Journal | InOrder, output: str) -> int:
    """Put the answers in order where all lines are done with, and say how it went."""
    over = not tally.code and tally.why is None
    aside = sheet.finish() if over or isinstance(sheet, InOrder) else None
    Shown(terminal, None, tally, survey).close(output if isinstance(sheet, batch_journal.Journal) else "")
    if aside is not None:
        terminal.say(f"answers whose prompts have changed or gone are kept in {aside}")
    if tally.why is not None and not tally.code:
        raise tally.why
    return Exit(tally.exit_code())


def _preview(
    terminal: Terminal,
    terms: Terms,
    file: IO[bytes],
    reader: Reader,
    journal: Journal | None,
    survey: Survey,
    *,
    as_json: bool,
) -> int:
    entries = (reader.entry(number, text) for number, text in lines(file))
    total = "" if survey.total is None else f"/{survey.total}"
    with Progress(terminal) as progress:
        plan = preview(
            terminal.pool,
            terms,
            entries,
            lambda entry: journal is not None and journal.matches(entry) is True,
            lambda done: progress.line(f"deciding {done}{total}"),
        )
    if as_json:
        terminal.json(plan.as_json())
    else:
        show_plan(terminal, plan)
    return Exit.PARTLY if plan.faults else Exit.OK


def _write(document: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(document) + "\n")
    sys.stdout.flush()
