"""Code out of an answer: what `chat -x` prints."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llmpool.chat.extract import first_block, has_block, unfenced


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("Here:\n```python\nprint(1)\n```\nand\n```\nno\n```\n", "print(1)\n"),
        ("~~~\na\n~~~", "a\n"),
        ("````\n```\ninner\n```\n````\n", "```\ninner\n```\n"),
        ("```\nnot closed\n  yet", "not closed\n  yet\n"),
        ("  ```sh\n  ls\n    -l\n  ```\n", "ls\n  -l\n"),
        ("```\n```\n", ""),
        ("a ``` b\n", "a ``` b\n"),
        ("```a`b\nx\n```", ""),
        ("no code", "no code"),
    ],
)
def test_the_first_fenced_block_is_the_code(answer: str, code: str) -> None:
    """Fences are those of CommonMark 4.5; an answer without any is printed as it is."""
    assert first_block(answer) == code


def test_a_block_is_known_before_it_is_taken() -> None:
    """What has no fence is said to have none."""
    assert has_block("x\n```\ny\n```")
    assert not has_block("x `y` z")


@pytest.mark.parametrize(
    ("answer", "bare"),
    [
        ('```json\n{"a": 1}\n```', '{"a": 1}'),
        ("\n```\n[1]\n```\n", "[1]"),
        ('{"a": "```"}', '{"a": "```"}'),
        ("```", "```"),
        ("Sure:\n```json\n{}\n```", "Sure:\n```json\n{}\n```"),
    ],
)
def test_a_fence_around_all_of_it_is_taken_off(answer: str, bare: str) -> None:
    """Models fence JSON whether asked or not; text around the fence is not thrown away."""
    assert unfenced(answer) == bare


@given(st.lists(st.text(alphabet="ab `~\n", max_size=12)), st.text(alphabet="xyz \t", max_size=30))
def test_what_is_fenced_comes_out_as_it_went_in(before: list[str], code: str) -> None:
    """Whatever stands before it without a fence, a line of code keeps every character."""
    prose = "\n".join(line.replace("`", "").replace("~", "").replace("\n", " ") for line in before)
    assert first_block(f"{prose}\n```\n{code}\n```\n") == f"{code}\n"
