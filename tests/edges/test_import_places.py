"""Where the settings of other tools are looked for on three platforms (pool-ledger-credentials 7.1)."""

from __future__ import annotations

from pathlib import Path

import pytest

from llmpool.importers.found import Found, Tool
from llmpool.importers.home import Home, Places, there
from llmpool.importers.tools import TOOLS

MAC = "~/Library/Application Support"
PLACES = {  # tool: linux, macOS, windows, in the order of the search
    "antigravity": (
        ["~/.config/Antigravity/User/settings.json", "~/.config/antigravity/config.json",
         "~/.antigravity/config.json"],
        [f"{MAC}/Antigravity/User/settings.json", f"{MAC}/Antigravity/config.json",
         "~/.config/antigravity/config.json"],
        ["APPDATA/Antigravity/User/settings.json", "APPDATA/Antigravity/config.json",
         "LOCALAPPDATA/Antigravity/config.json"],
    ),
    "cursor": (
        ["~/.config/Cursor/User/settings.json", "~/.cursor/config.json"],
        [f"{MAC}/Cursor/User/settings.json", "~/.cursor/config.json"],
        ["APPDATA/Cursor/User/settings.json", "LOCALAPPDATA/Cursor/config.json"],
    ),
    "windsurf": (
        ["~/.config/Windsurf/User/settings.json", "~/.config/windsurf/config.json",
         "~/.windsurf/config.json"],
        [f"{MAC}/Windsurf/User/settings.json", f"{MAC}/Windsurf/config.json", "~/.windsurf/config.json"],
        ["APPDATA/Windsurf/User/settings.json", "APPDATA/Windsurf/config.json",
         "LOCALAPPDATA/Windsurf/config.json"],
    ),
    "claude-code": (
        ["~/.claude/settings.json", "~/.claude/config.json", "~/.config/claude/settings.json"],
        ["~/.claude/settings.json", "~/.claude/config.json", "~/.config/claude/settings.json"],
        ["~/.claude/settings.json", "APPDATA/claude/settings.json", "LOCALAPPDATA/claude/settings.json"],
    ),
    "qoder": (
        ["~/.config/Qoder/User/settings.json", "~/.config/qoder/config.json", "~/.qoder/config.json"],
        [f"{MAC}/Qoder/User/settings.json", f"{MAC}/Qoder/config.json", "~/.qoder/config.json",
         "~/.config/qoder/config.json"],
        ["APPDATA/Qoder/User/settings.json", "APPDATA/Qoder/config.json", "LOCALAPPDATA/Qoder/config.json"],
    ),
    "trae": (
        ["~/.config/TRAE/User/settings.json", "~/.config/trae/config.json", "~/.trae/config.json"],
        [f"{MAC}/TRAE/User/settings.json", f"{MAC}/TRAE/config.json", "~/.trae/config.json",
         "~/.config/trae/config.json"],
        ["APPDATA/TRAE/User/settings.json", "APPDATA/TRAE/config.json", "LOCALAPPDATA/TRAE/config.json"],
    ),
    "kiro": (
        ["~/.kiro/config.json", "~/.config/Kiro/User/settings.json", "~/.config/kiro/config.json"],
        ["~/.kiro/config.json", f"{MAC}/Kiro/User/settings.json", f"{MAC}/Kiro/config.json"],
        ["~/.kiro/config.json", "APPDATA/Kiro/User/settings.json", "APPDATA/Kiro/config.json"],
    ),
    "copilot": (
        ["~/.config/github-copilot/hosts.json", "~/.config/github-copilot/apps.json"],
        ["~/.config/github-copilot/hosts.json", f"{MAC}/GitHub Copilot/hosts.json",
         "~/.config/github-copilot/apps.json"],
        ["LOCALAPPDATA/github-copilot/hosts.json", "APPDATA/GitHub Copilot/hosts.json",
         "LOCALAPPDATA/github-copilot/apps.json"],
    ),
    "codex": (["~/.codex/auth.json"], ["~/.codex/auth.json"], ["~/.codex/auth.json"]),
    "vscode": (
        ["~/.config/Code/User/settings.json"],
        [f"{MAC}/Code/User/settings.json"],
        ["APPDATA/Code/User/settings.json"],
    ),
    "aichat": (
        ["~/.config/aichat/config.yaml"],
        ["~/.config/aichat/config.yaml", f"{MAC}/aichat/config.yaml"],
        ["APPDATA/aichat/config.yaml"],
    ),
    "llm": tuple(
        [f"{place}/io.datasette.llm/{file}" for file in ("keys.json", "extra-openai-models.yaml")]
        for place in ("~/.config", MAC, "APPDATA")
    ),
}  # fmt: skip
PORTS = {
    "antigravity": (9876, 9877, 9878), "cursor": (9999, 9998, 9997), "windsurf": (9800, 9801, 9802),
    "claude-code": (9000, 9001, 9002, 80), "qoder": (9500, 9501, 9502), "trae": (9600, 9601, 9602),
    "kiro": (65432, 65433), "copilot": (9700, 9701), "codex": (), "vscode": (9876, 9877),
}  # fmt: skip
VARIABLES = {  # tool: key variables, address variables, whose the key is shown to be
    "claude-code": (
        "ANTHROPIC_API_KEY CLAUDE_API_KEY ANTHROPIC_AUTH_TOKEN",
        "ANTHROPIC_BASE_URL OPENAI_BASE_URL",
        "anthropic",
    ),
    "cursor": ("CURSOR_API_KEY OPENAI_API_KEY", "ANTHROPIC_BASE_URL OPENAI_BASE_URL", "openai"),
    "windsurf": ("WINDSURF_API_KEY OPENAI_API_KEY", "ANTHROPIC_BASE_URL OPENAI_BASE_URL", "openai"),
    "qoder": ("QODER_API_KEY OPENAI_API_KEY", "ANTHROPIC_BASE_URL OPENAI_BASE_URL", "openai"),
    "kiro": ("KIRO_API_KEY OPENAI_API_KEY ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL OPENAI_BASE_URL", "openai"),
    "antigravity": ("ANTIGRAVITY_API_KEY GOOGLE_API_KEY", "GOOGLE_BASE_URL", "google"),
    "trae": ("TRAE_API_KEY", "", "custom"),
    "copilot": ("GITHUB_TOKEN COPILOT_TOKEN", "", "github"),
    "codex": ("OPENAI_API_KEY CODEX_API_KEY", "OPENAI_BASE_URL", "openai"),
    "vscode": ("ANTHROPIC_API_KEY OPENAI_API_KEY", "ANTHROPIC_BASE_URL OPENAI_BASE_URL", "anthropic"),
}
CASES = [
    (platform, tool, number)
    for tool, by_platform in PLACES.items()
    for platform, paths in zip(("linux", "darwin", "win32"), by_platform, strict=True)
    for number in range(len(paths))
]


def home_of(platform: str, root: Path) -> Home:
    """Give a home on a platform, with its folders below *root*."""
    folders = {"USERPROFILE": "me", "APPDATA": "roaming", "LOCALAPPDATA": "local"}
    variables = folders if platform == "win32" else {"HOME": "me"}
    return Home(platform, {name: str(root / folder) for name, folder in variables.items()})


def real(place: str, root: Path) -> Path:
    """Return the path that a place of the table is below *root*."""
    first, _, rest = place.partition("/")
    return root / {"~": "me", "APPDATA": "roaming", "LOCALAPPDATA": "local"}[first] / rest


@pytest.mark.parametrize(("platform", "name", "number"), CASES)
def test_every_place_is_looked_at_in_its_order(platform: str, name: str, number: int, tmp_path: Path) -> None:
    """A file at a place of the table is found there, also with all later places taken, and read."""
    places = PLACES[name][("linux", "darwin", "win32").index(platform)]
    for place in places[number:]:
        path = real(place, tmp_path)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    tool, read = TOOLS[name]
    home = home_of(platform, tmp_path)
    assert home.paths(tool.places) == [real(place, tmp_path) for place in places]
    path = there(home.paths(tool.places))
    assert path == real(places[number], tmp_path)
    assert all(isinstance(found, Found) and not found.key for found in read(tool, path))


def test_the_tools_and_their_order() -> None:
    """Ten tools in the order of the search, then the two other programs; each with its ports."""
    assert list(TOOLS) == [
        "vscode", "cursor", "windsurf", "claude-code", "codex", "antigravity", "qoder", "trae", "kiro",
        "copilot", "aichat", "llm",
    ]  # fmt: skip
    assert {name: TOOLS[name][0].ports for name in PORTS} == PORTS


@pytest.mark.parametrize("name", VARIABLES)
def test_the_variables_of_each_tool(name: str) -> None:
    """Each tool reads the variables of the table, in that order (7.3)."""
    tool: Tool = TOOLS[name][0]
    assert (" ".join(tool.key_env), " ".join(tool.url_env), tool.provider) == VARIABLES[name]


def test_variables_move_a_home() -> None:
    """XDG_CONFIG_HOME comes before ~/.config, a tool's variable before both; relative ones do not count."""
    places = Places(("$CODEX_HOME/a", "~/.config/b", "~/c"), (), ())
    env = {"HOME": "/h", "XDG_CONFIG_HOME": "/x", "CODEX_HOME": "/k"}
    assert Home("linux", env).paths(places) == [
        Path("/k/a"),
        Path("/x/b"),
        Path("/h/.config/b"),
        Path("/h/c"),
    ]
    env = {"HOME": "/h", "XDG_CONFIG_HOME": "x", "CODEX_HOME": "k"}
    assert Home("linux", env).paths(places) == [Path("/h/.config/b"), Path("/h/c")]
    assert Home("linux", {}).paths(places) == []


def test_tools_say_themselves_where_they_are() -> None:
    """The variables with which tools are moved come first: a directory, or the file itself."""
    moved = {"CLAUDE_CONFIG_DIR": "claude", "CODEX_HOME": "codex", "AICHAT_CONFIG_FILE": "a.yaml",
             "AICHAT_CONFIG_DIR": "aichat", "LLM_USER_PATH": "llm"}  # fmt: skip
    for platform in ("linux", "darwin", "win32"):
        home = Home(platform, {name: f"/m/{place}" for name, place in moved.items()})
        found = {
            name: home.paths(TOOLS[name][0].places) for name in ("claude-code", "codex", "aichat", "llm")
        }
        assert found == {
            "claude-code": [Path("/m/claude/settings.json")],
            "codex": [Path("/m/codex/auth.json")],
            "aichat": [Path("/m/a.yaml"), Path("/m/aichat/config.yaml")],
            "llm": [Path("/m/llm/keys.json"), Path("/m/llm/extra-openai-models.yaml")],
        }


def test_windows_folders_are_guessed_from_the_profile() -> None:
    """Without APPDATA and LOCALAPPDATA they are where Windows puts them below the profile."""
    places = Places((), (), ("APPDATA/a", "LOCALAPPDATA/b", "USERPROFILE/c", "~/d"))
    found = Home("win32", {"USERPROFILE": r"C:\Users\me"}).paths(places)
    assert [path.as_posix() for path in found] == [
        "C:/Users/me/AppData/Roaming/a",
        "C:/Users/me/AppData/Local/b",
        "C:/Users/me/c",
        "C:/Users/me/d",
    ]
