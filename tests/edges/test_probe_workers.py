"""Work done side by side, as probes and account questions are: results as they come, and a clean way out."""

from __future__ import annotations

import threading

import pytest

from llmpool.discovery.workers import side_by_side


def test_every_thing_is_done_once() -> None:
    """Each result is handed over once, in this thread, however many workers there are."""
    for jobs in (1, 3, 99):
        heard: list[int] = []
        side_by_side(range(20), lambda n: n * n, jobs=jobs, heard=heard.append, stop=pytest.fail)
        assert sorted(heard) == [n * n for n in range(20)]


def test_nothing_to_do_is_done_at_once() -> None:
    """No things, no results, no waiting."""
    side_by_side([], lambda n: n, jobs=4, heard=pytest.fail, stop=pytest.fail)


def test_a_result_may_be_none() -> None:
    """None is a result like any other."""
    heard: list[None] = []
    side_by_side([1, 2], lambda _n: None, jobs=2, heard=heard.append, stop=pytest.fail)
    assert heard == [None, None]


def test_a_bug_in_a_thread_comes_out_here() -> None:
    """What a thread raises is raised to whoever waits, and what the others wait for is ended first."""
    ended = threading.Event()

    def work(number: int) -> bool:
        if number:
            return ended.wait(30)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        side_by_side(range(4), work, jobs=4, heard=lambda _result: None, stop=ended.set)
    assert ended.is_set()


def test_an_interrupt_begins_nothing_more() -> None:
    """After Ctrl-C no further thing is begun, even by a thread that cannot be ended."""
    begun: list[int] = []
    never = threading.Event()

    def work(number: int) -> None:
        begun.append(number)
        if number:
            never.wait(30)

    def interrupted(_result: None) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        side_by_side(range(50), work, jobs=2, heard=interrupted, stop=lambda: None)
    assert len(begun) <= 3
    never.set()
