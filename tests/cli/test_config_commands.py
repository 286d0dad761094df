"""`llmpool config get`, `set`, `unset` and `edit`: the owner's file, changed without harm."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.support import PLANTED_KEY, Home, end_of, finish

TEXT = """# my pool
default_model = "den/m"   # good

[routing]
mode = "auto"   # for now

[providers.den]
preset = "ollama"
url = "http://127.0.0.1:9"

[[models]]
id = "den/m"
"""


@pytest.fixture(autouse=True)
def _config(home: Home) -> None:
    home.config.write_text(TEXT)


def editor(home: Home, *lines: str) -> dict[str, str]:
    """Write an editor that does *lines* to its file, and return the variable that names it."""
    path = home.dir / "my editor"
    path.write_text("#!/bin/sh\n" + "\n".join(lines) + "\n")
    path.chmod(0o700)
    return {"EDITOR": f"'{path}' --wait", "VISUAL": ""}


def kept(home: Home) -> list[Path]:
    """List the texts that an editor has left behind."""
    return sorted(home.state.glob("config-edit*.toml"))


def test_a_value_is_printed_for_scripts(home: Home) -> None:
    """`get` prints the bare value, and with --json where it comes from; what is not known ends with 3."""
    assert home.here("config", "get", "routing.mode").out == "auto\n"
    document = home.here("config", "get", "providers.den.format", "--json").json
    assert document == {"schema": 1, "key": "providers.den.format", "value": "ollama", "source": "preset"}
    wrong = home.here("config", "get", "routing.mood", "--json")
    assert (wrong.code, wrong.error["hint"]) == (3, "did you mean routing.mode?")
    nothing = home.here("config", "get", "models.den/m.quality")
    assert (nothing.code, nothing.out) == (0, "")
    assert "not set" in nothing.err
    home.config.write_text(f"{TEXT}\n[templates]\n")
    assert home.here("config", "get", "templates").out == ""


def test_set_and_unset_keep_everything_else(home: Home) -> None:
    """A key is set and taken out again; each says what was and is, and the file is what it was."""
    done = home.here("config", "set", "providers.den.priority", "7")
    assert (done.code, done.out) == (0, "")
    assert done.err == "providers.den.priority: 20 (default) -> 7\n"
    assert home.config.read_text() == TEXT.replace('9"\n', '9"\npriority = 7\n')
    document = home.here("config", "unset", "providers.den.priority", "--json").json
    assert (document["changed"], document["before"]["value"]) == (True, 7)
    assert home.config.read_text() == TEXT
    assert home.here("config", "set", "providers.den.priority", "-7").code == 0
    assert "priority = -7\n" in home.config.read_text()


def test_a_model_that_nobody_has_is_noted(home: Home) -> None:
    """A default that leads nowhere is written with a note; one at a provider nobody configured is refused."""
    done = home.here("config", "set", "default_model", "den/zzz", "--json").json
    assert (done["after"]["value"], "notes" in done) == ("den/zzz", False)
    note = "nobody is known to have zzz; see them all: llmpool models list"
    assert f"note: {note}\n" in home.here("config", "set", "default_model", "zzz").err
    assert home.here("config", "set", "default_model", "zzz", "--json").json["notes"] == [note]
    before = home.config.read_text()
    assert home.here("config", "set", "default_model", "nobody/zzz").code == 2
    assert home.config.read_text() == before


def test_a_secret_is_refused_and_never_repeated(home: Home) -> None:
    """A key given as a value ends with 2 and the places that can hold it; it is shown and written nowhere."""
    done = home.here("config", "set", "providers.den.key", PLANTED_KEY)
    assert done.code == 2
    assert "keyring" in done.err
    assert not done.shows(PLANTED_KEY)
    assert not home.files_with(PLANTED_KEY)
    assert home.config.read_text() == TEXT


def test_a_table_is_taken_out_only_when_asked(home: Home) -> None:
    """Whole tables want --yes where nobody can be asked; one that others need stays."""
    home.here("config", "set", "groups.family", "providers=den")
    done = home.here("config", "unset", "groups.family")
    assert done.code == 2
    assert "--yes" in done.err
    assert home.here("config", "unset", "groups.family", "--yes").code == 0
    assert home.config.read_text() == TEXT
    home.here("config", "set", "groups.family", "providers=den")
    child = home.terminal("config", "unset", "groups.family", width=300, env={"NO_COLOR": "1"})
    child.expect(r"\[y/N\] ")
    child.send("\x04")
    assert finish(child).out.endswith("\nerror: nothing was done\n")
    home.config.write_text(TEXT)
    needed = home.here("config", "unset", "providers.den", "--yes")
    assert needed.code == 2
    assert "den" in needed.err
    assert home.config.read_text() == TEXT


def test_changes_at_once_all_arrive(home: Home) -> None:
    """Processes that set different keys at the same time each find their own in the file afterwards."""
    keys = ("max_retries", "auto_min_quality")
    children = [home.start("config", "set", f"routing.{key}", str(n)) for n, key in enumerate(keys, 3)]
    children.append(home.start("models", "set", "den/m", "--quality", "8"))
    assert [end_of(child).code for child in children] == [0, 0, 0]
    text = home.config.read_text()
    assert [line for line in TEXT.splitlines() if line not in text.splitlines()] == []
    assert all(f"{key} = {n}" in text for n, key in enumerate(keys, 3))
    assert "quality = 8" in text


def test_an_editor_changes_the_config(home: Home) -> None:
    """What the editor saved is in force when it loads; nothing is left behind, and no change is none."""
    child = home.terminal("config", "edit", env=editor(home, 'sed -i s/auto/local/ "$2"'))
    done = finish(child)
    assert done.code == 0, done
    assert home.config.read_text() == TEXT.replace("auto", "local")
    assert "is as it was" in finish(home.terminal("config", "edit", env=editor(home, "true"))).out
    assert not kept(home)


def test_mistakes_are_told_and_the_text_is_kept(home: Home) -> None:
    """After a mistake it asks; who has had enough ends with 4, and finds the text again with --from."""
    child = home.terminal("config", "edit", env=editor(home, 'sed -i "s/auto/outo/;s/my pool/OURS/" "$2"'))
    child.expect(r"Edit it again\? \[Y/n\] ")
    child.sendline("n")
    done = finish(child)
    assert done.code == 4, done
    assert home.config.read_text() == TEXT
    (left,) = kept(home)
    assert "OURS" in left.read_text()
    assert oct(left.stat().st_mode & 0o777) == "0o600"
    fixed = home.terminal("config", "edit", "--from", str(left), env=editor(home, 'sed -i s/outo/auto/ "$2"'))
    assert finish(fixed).code == 0
    assert home.config.read_text() == TEXT.replace("my pool", "OURS")


def test_mistakes_can_be_mended_at_once(home: Home) -> None:
    """Whoever says yes gets the same text again."""
    both = editor(
        home, 'if grep -q outo "$2"; then sed -i s/outo/cloud/ "$2"; else sed -i s/auto/outo/ "$2"; fi'
    )
    child = home.terminal("config", "edit", env=both)
    child.expect(r"Edit it again\? \[Y/n\] ")
    child.sendline("")
    assert finish(child).code == 0
    assert 'mode = "cloud"' in home.config.read_text()
    assert not kept(home)


@pytest.mark.parametrize("ends", ["Ctrl-C", "Ctrl-D", "SIGTERM"])
def test_whoever_breaks_off_learns_where_the_text_is(home: Home, ends: str) -> None:
    """At the question a signal, or no answer at all, names the file that the text is kept in."""
    child = home.terminal("config", "edit", width=300, env=editor(home, 'sed -i s/auto/outo/ "$2"'))
    child.expect(r"Edit it again\? \[Y/n\] ")
    if ends == "SIGTERM":
        child.kill(signal.SIGTERM)
    else:
        child.send("\x03" if ends == "Ctrl-C" else "\x04")
    done = finish(child)
    assert done.code == {"Ctrl-C": 130, "Ctrl-D": 4, "SIGTERM": 143}[ends]
    (left,) = kept(home)
    assert f"kept in {left}\n" in done.out
    assert f"llmpool config edit --from {left}\n" in done.out


def test_an_editor_that_fails_changes_nothing(home: Home) -> None:
    """An editor that ends with another code than 0, or does not exist, is told by name (2).

    What it wrote is kept and named; a copy that it did not touch is not left behind.
    """
    idle = finish(home.terminal("config", "edit", env=editor(home, "exit 3")))
    assert (idle.code, kept(home), "kept" in idle.out) == (2, [], False)
    failed = finish(home.terminal("config", "edit", width=300, env=editor(home, 'echo x >> "$2"', "exit 3")))
    assert failed.code == 2
    assert "my editor ended with 3" in failed.out
    assert str(kept(home)[0]) in failed.out
    missing = finish(home.terminal("config", "edit", env={"VISUAL": "/no/such/editor"}))
    assert missing.code == 2
    assert home.config.read_text() == TEXT


def test_a_change_meanwhile_is_not_written_over(home: Home) -> None:
    """A config that another changed while the editor was open stays; the text is kept (75)."""
    meanwhile = f"echo '# by another' >> {json.dumps(str(home.config))}"
    child = home.terminal("config", "edit", env=editor(home, 'sed -i s/auto/local/ "$2"', meanwhile))
    done = finish(child)
    assert done.code == 75, done
    assert home.config.read_text() == TEXT + "# by another\n"
    assert "local" in kept(home)[0].read_text()


def test_no_editor_opens_off_a_terminal(home: Home) -> None:
    """A script gets the command it wants instead."""
    done = home.here("config", "edit", env=editor(home, 'sed -i s/auto/local/ "$2"'))
    assert (done.code, home.config.read_text()) == (2, TEXT)
    assert "config set" in done.err
