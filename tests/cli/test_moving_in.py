"""`providers import zimaos|gopherclaw|thane`: shown first, done as one change, taken back by one command."""

from __future__ import annotations

import stat

from tests.edges import foreign_pools as foreign
from tests.edges.config_text import PLANTED
from tests.support import Home

CONFIG = '# mine\n[providers.openai] # the first\nkey = { env = "MINE" }\n'


def test_a_move_from_preview_to_undo(home: Home) -> None:
    """The preview writes nothing, the run does what it said, a second nothing, and undo undoes all."""
    home.config.write_text(CONFIG)
    place = str(foreign.zimaos_files(home.dir / "z"))
    preview = home.here("providers", "import", "zimaos", place, "--dry-run", "--json")
    assert preview.code == 0
    told = preview.json
    assert (told["dry_run"], told["backup"], told["migrated_names"]) == (True, None, MIGRATED)
    assert home.config.read_text() == CONFIG
    assert "adds     gateway" in preview.err

    asked = home.here("providers", "import", "zimaos", place)
    assert (asked.code, home.config.read_text()) == (2, CONFIG)
    assert "--yes" in asked.err

    keep = ("--keep", "file", "--plaintext")
    done = home.here("providers", "import", "zimaos", place, "--yes", "--json", *keep)
    assert done.code == 0
    assert done.json["steps"] == told["steps"]
    assert done.json.keys() == told.keys() == DOCUMENT
    assert done.json["migrated_names"] == MIGRATED
    assert f"llmpool providers import undo {done.json['backup']}" in done.err
    assert "# mine" in home.config.read_text()
    assert "# the first" in home.config.read_text()

    again = home.here("providers", "import", "zimaos", place, "--yes", *keep)
    assert (again.code, "nothing to do" in again.err) == (0, True)

    back = home.here("providers", "import", "undo", "--yes", "--json")
    assert (back.code, back.json) == (
        0,
        {"schema": 1, "source": "zimaos", "undone": True, "backup": done.json["backup"]},
    )
    assert home.config.read_text() == CONFIG
    for secret in (PLANTED, foreign.SECOND, foreign.TOKEN):
        assert not [path for path in home.files_with(secret) if not path.startswith("z/")]
    for result in (preview, asked, done, again, back):
        for secret in (PLANTED, foreign.SECOND, foreign.TOKEN, foreign.OPENED):
            assert not result.shows(secret)


DOCUMENT = {
    "schema", "source", "dry_run", "files", "steps", "migrated", "skipped", "migrated_names",
    "skipped_names", "failed", "backup",
}  # fmt: skip
MIGRATED = ["gateway", "github-copilot", "openai"]


def test_secrets_lie_where_they_were_put(home: Home) -> None:
    """After a move keys are in secrets.json alone, and every file it made is its owner's alone."""
    place = str(foreign.thane(home.dir / "t"))
    env = {"RUNNER_URL": "http://10.0.0.9:8000/v1"}
    done = home.here("providers", "import", "thane", place, "--yes", "--keep", "file", "--plaintext", env=env)
    assert done.code == 0
    found = [path for path in home.files_with(PLANTED) if not path.startswith("t/")]
    assert found == ["secrets.json"]
    for path in (*home.state.rglob("*"), home.config, home.dir / "secrets.json"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_what_cannot_be_is_refused_in_words(home: Home) -> None:
    """No place, a place with nothing of the kind, and no such move: each says what to type."""
    for source, words in (("zimaos", "say where zimaos keeps"), ("gopherclaw", "nothing of gopherclaw")):
        result = home.here("providers", "import", source)
        assert (result.code, words in result.err) == (2, True)
    result = home.here("providers", "import", "undo", "nope")
    assert (result.code, 'no move is called "nope"' in result.err) == (3, True)
