"""What a person sees of a batch: one line of progress, and how it went."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from llmpool.cli.output import count, plural
from llmpool.core.money import usd
from llmpool.core.text import few, one_line

if TYPE_CHECKING:
    from llmpool.chat.batch import Tally
    from llmpool.chat.batch_input import Survey
    from llmpool.chat.batch_preview import Plan
    from llmpool.cli.context import Terminal
    from llmpool.cli.progress import Progress

NAMED = 12  # failed lines that are named
FAULTS = 5  # faults that a preview tells in words
STEPPED_IN = 5  # of those who were asked, and somebody else answered


class Shown:
    """How a batch is shown while it runs, and when it has ended."""

    def __init__(self, terminal: Terminal, progress: Progress | None, tally: Tally, survey: Survey) -> None:
        self.terminal = terminal
        self.progress = progress
        self.tally = tally
        self.survey = survey
        self._told = 0  # signals that were answered in words

    def tick(self, signals: int) -> None:
        """Draw the line of progress; say what a signal has begun."""
        if signals and not self._told:
            self._told = signals
            if self.progress is not None:
                self.progress.__exit__()  # its line goes, until there is another
            self.terminal.say("ending; answers under way are waited for (Ctrl-C: not even that)")
        if self.progress is None or not self.progress.shown:
            return
        if self.survey.total:
            self.progress.bar(self.tally.done, self.survey.total, self.line())
        else:
            self.progress.line(f"{self.tally.done} done · {self.line()}")

    def line(self) -> str:
        """Write what is behind the bar: what failed, the cost so far, the pace, what is waited for."""
        tally, total, parts = self.tally, self.survey.total, []
        if tally.failed:
            parts.append(f"{len(tally.failed)} failed")
        parts.append(_cost(tally))
        fresh = tally.answered + len(tally.failed)
        if fresh and tally.seconds > 1:
            parts.append(_pace(fresh / tally.seconds))
            if total is not None:
                parts.append(f"{_span((total - tally.done) * tally.seconds / fresh)} left")
        waiting = list(tally.waiting.values())
        if waiting:
            parts.append(f"{len(waiting)} waiting: {one_line(waiting[0])}")
        return " · ".join(parts)

    def close(self, output: str) -> None:
        """Say how it went: what a person would ask next, in one line, and who else answered."""
        tally = self.tally
        for text in tally.warnings:
            self.terminal.warn(text)
        for text, times in tally.instead.most_common(STEPPED_IN):
            self.terminal.warn(f"{text} ({times} times)" if times > 1 else text)
        if tally.cut:
            answers = plural(tally.cut, "answer is", "answers are")
            self.terminal.say(f"note: {answers} cut off by the token limit; more: --max-tokens N")
        self.terminal.say("; ".join(filter(None, (self._sums(), self._lines(), self._again(output)))))

    def _sums(self) -> str:
        tally = self.tally
        parts = [f"{tally.answered} answered"]
        if tally.known:
            parts.append(f"{tally.known} answered before")
        if tally.failed:
            parts.append(f"{len(tally.failed)} failed")
        if self.survey.changed:
            parts.append(f"{self.survey.changed} had changed")
        return ", ".join((*parts, _cost(tally), _span(tally.seconds)))

    def _lines(self) -> str:
        failed = sorted(self.tally.failed)
        return f"failed lines: {few([str(number) for number in failed], NAMED)}" if failed else ""

    def _again(self, output: str) -> str:
        tally = self.tally
        if not (tally.failed or tally.code or tally.why):
            return ""
        if not output:
            return "with -o FILE it could go on where it ended" if tally.code or tally.why else ""
        return "again: same command" if not (tally.code or tally.why) else "go on: same command"


def show_plan(terminal: Terminal, plan: Plan) -> None:
    """Show what a batch would come to."""
    known = f", {plan.answered} of them answered already" if plan.answered else ""
    terminal.out(f"{plural(plan.prompts, 'prompt')}{known}; nothing is sent")
    for share in plan.as_json()["deployments"]:
        prompts, most = share["cost_of_prompts"], share["cost_at_most"]
        cost = "cost unknown" if most is None else _between(Decimal(prompts or 0), Decimal(most))
        terminal.out(
            f"  {share['deployment']}   {plural(share['prompts'], 'prompt')}, "
            f"about {count(share['input_tokens'])} tokens in, {cost}"
        )
    for number, error in list(plan.faults.items())[:FAULTS]:
        terminal.out(f"  line {number}: {error.message}")
    if len(plan.faults) > FAULTS:
        terminal.out(f"  and {len(plan.faults) - FAULTS} more lines")


def _between(least: Decimal, most: Decimal) -> str:
    return f"{usd(least)} and its answers, {usd(most)} at most" if most else "free"


def _cost(tally: Tally) -> str:
    words = usd(tally.cost) if tally.cost else "free" if tally.answered and not tally.unpriced else "$0"
    return f"{words} and {tally.unpriced} of unknown cost" if tally.unpriced else words


def _pace(rate: float) -> str:
    return f"{rate:.1f}/s" if rate >= 1 else f"{rate * 60:.1f}/min"


def _span(seconds: float) -> str:
    whole = round(seconds)
    if whole < 120:
        return f"{whole} s"
    return f"{whole // 60} min" if whole < 7200 else f"{whole // 3600} h {whole % 3600 // 60} min"
