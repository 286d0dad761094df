"""Where config, state and secrets are looked for."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import platformdirs
import pytest

from llmpool.config.paths import find_paths
from llmpool.errors import ConfigInvalid

HOME = {"HOME": "/home/ada"}


@pytest.fixture(autouse=True)
def _linux(monkeypatch):
    monkeypatch.setattr(sys, "platform", "linux")


def test_linux_defaults():
    """Without options and variables the XDG defaults under HOME apply."""
    paths = find_paths(HOME)
    assert Path("/home/ada/.config/llmpool/config.toml") == paths.config
    assert Path("/home/ada/.local/state/llmpool") == paths.state
    assert Path("/home/ada/.config/llmpool/secrets.json") == paths.secrets


def test_xdg_variables():
    """Absolute XDG directories replace the defaults, each for itself."""
    paths = find_paths(HOME | {"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"})
    assert (Path("/c/llmpool/config.toml"), Path("/s/llmpool")) == (paths.config, paths.state)
    assert Path("/home/ada/.local/state/llmpool") == find_paths(HOME | {"XDG_CONFIG_HOME": "/c"}).state


@pytest.mark.parametrize("value", ["", "relative", "~/x", "./x"])
def test_xdg_values_that_are_not_absolute_are_ignored(value):
    """The XDG standard has relative values ignored."""
    assert find_paths(HOME) == find_paths(HOME | {"XDG_CONFIG_HOME": value, "XDG_STATE_HOME": value})


def test_option_beats_variable_beats_default():
    """An option wins over our own variable, which wins over XDG."""
    env = HOME | {"LLMPOOL_CONFIG": "/env/c.toml", "LLMPOOL_STATE_DIR": "/env/s", "XDG_CONFIG_HOME": "/c"}
    assert (Path("/env/c.toml"), Path("/env/s"), Path("/env/secrets.json")) == find_paths(env)
    paths = find_paths(env, "/opt/c.toml", "/opt/s")
    assert (Path("/opt/c.toml"), Path("/opt/s")) == (paths.config, paths.state)


def test_empty_values_are_unset():
    """An empty variable or option counts as none."""
    assert find_paths(HOME) == find_paths(HOME | {"LLMPOOL_CONFIG": "", "LLMPOOL_STATE_DIR": ""}, "", "")


def test_tilde_and_relative_paths(tmp_path, monkeypatch):
    """A leading ~ is the home of the given environment, and a relative path starts where we are."""
    monkeypatch.chdir(tmp_path)
    paths = find_paths(HOME, "~/c.toml", "deep/../state")
    assert (Path("/home/ada/c.toml"), tmp_path / "state") == (paths.config, paths.state)


def test_a_symlinked_config_is_kept(tmp_path):
    """A config that is a link keeps its own place: secrets lie beside the link."""
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert tmp_path / "link" / "c.toml" == find_paths(HOME, str(tmp_path / "link/c.toml")).config


@pytest.mark.parametrize("env", [{}, {"HOME": ""}])
def test_without_home_the_user_database_answers(env, monkeypatch):
    """With HOME unset the user database says where home is, whatever the real environment holds."""
    monkeypatch.setenv("HOME", "/elsewhere")
    home = pwd.getpwuid(os.getuid()).pw_dir
    assert Path(home, ".config/llmpool/config.toml") == find_paths(env).config


def test_without_home_and_user(monkeypatch):
    """A user unknown to the system and without HOME is told which variables to set."""
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    with pytest.raises(ConfigInvalid) as caught:
        find_paths({})
    assert "LLMPOOL_CONFIG" in caught.value.hint


def test_absolute_paths_need_no_home(monkeypatch):
    """With both places given, nobody asks where home is."""
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_001)
    assert Path("/s") == find_paths({}, "/c.toml", "/s").state
    assert Path("/s/llmpool") == find_paths({"XDG_CONFIG_HOME": "/c", "XDG_STATE_HOME": "/s"}).state


@pytest.mark.parametrize(("platform", "xdg"), [("darwin", "/s/llmpool"), ("win32", "/app/state")])
def test_platforms_that_put_both_in_one_directory(platform, xdg, monkeypatch):
    """Where config and state coincide each gets a subfolder; XDG is honoured on macOS, not on Windows."""
    monkeypatch.setattr(sys, "platform", platform)
    for name in ("user_config_path", "user_state_path"):
        monkeypatch.setattr(platformdirs, name, lambda app, appauthor: Path("/app"))
    paths = find_paths(HOME)
    assert (Path("/app/config/config.toml"), Path("/app/state")) == (paths.config, paths.state)
    assert Path(xdg) == find_paths(HOME | {"XDG_STATE_HOME": "/s"}).state


def test_linux_does_not_load_platformdirs():
    """Finding the paths on Linux costs no import of platformdirs."""
    code = "import sys; from llmpool.config.paths import find_paths; find_paths({'HOME': '/h'})"
    check = "; sys.exit('platformdirs' in sys.modules)"
    folder = Path(__file__).parents[2]
    assert subprocess.run([sys.executable, "-c", code + check], cwd=folder, check=False).returncode == 0
