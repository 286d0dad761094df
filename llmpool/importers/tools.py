"""Every tool that is looked at, in the order they are listed, and what reads its settings (spec 7.1, 7.3)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from llmpool.importers import aichat, claude_code, codex, copilot, editors, google_logins, llm_tool
from llmpool.importers.found import Found, Login, Tool
from llmpool.importers.home import Home

Reader = Callable[[Tool, Path], list[Found]]
TOOLS: dict[str, tuple[Tool, Reader]] = {
    tool.id: (tool, reader)
    for tool, reader in (
        (editors.VSCODE, editors.read),
        (editors.CURSOR, editors.read),
        (editors.WINDSURF, editors.read),
        (claude_code.CLAUDE_CODE, claude_code.read),
        (codex.CODEX, codex.read),
        (editors.ANTIGRAVITY, editors.read),
        (editors.QODER, editors.read),
        (editors.TRAE, editors.read),
        (editors.KIRO, editors.read),
        (copilot.COPILOT, copilot.read),
        (aichat.AICHAT, aichat.read),
        (llm_tool.LLM, llm_tool.read),
    )
}
LOGINS: dict[str, Callable[[Home], Login | None]] = {
    "antigravity": google_logins.antigravity,
    "copilot": copilot.login,
    "codex": codex.login,
    "gemini-cli": google_logins.gemini_cli,
}
BY_VARIABLE = ("claude-code", "cursor", "windsurf", "antigravity", "qoder", "trae", "codex", "vscode")
"""The tools whose key variables make them importable, in the order in which a shared key is theirs."""
