"""What goes along with a prompt: pictures, text files, a schema, tools; checked before anything runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NamedTuple

from llmpool.chat.images import MAX_BYTES, data_url, is_picture
from llmpool.core.chat import Image
from llmpool.errors import Misuse
from llmpool.formats.base import is_deep

_ATTACH = "-a takes a file, an http(s): or data: address, or -"
_KINDS = "a PNG, JPEG, GIF or WebP picture"


class Attached(NamedTuple):
    """Attachments as a message takes them: pictures, and texts with the names of their files."""

    images: tuple[Image, ...] = ()
    texts: tuple[tuple[str, str], ...] = ()

    def around(self, prompt: str) -> str:
        """Return *prompt* with the text files behind it, each under its name."""
        return "\n\n".join(
            [*([prompt] if prompt else []), *(f"{name}:\n{text}" for name, text in self.texts)]
        )


def attach(references: list[str]) -> Attached:
    """Read what `-a` names: a file, an `https:` or `data:` address of a picture, `-` for stdin.

    Raises Misuse for what cannot be read, is too large, or is neither a picture nor text.
    """
    images: list[Image] = []
    texts: list[tuple[str, str]] = []
    for reference in references:
        if reference.lower().startswith(("http://", "https://")):
            images.append(Image(url=reference))
            continue
        if reference.lower().startswith("data:"):
            images.append(_data(reference))
            continue
        content = _content(reference, _ATTACH)
        picture = data_url(content)
        if picture:
            images.append(Image(url=picture))
        else:
            name = "stdin" if reference == "-" else Path(reference).name
            texts.append((name, _text(reference, content, _KINDS)))
    return Attached(tuple(images), tuple(texts))


def _data(reference: str) -> Image:
    """Check a `data:` address as a file is checked; servers would only say that something is wrong."""
    if not is_picture(reference):
        raise Misuse(
            f"{reference[:40]} holds no {_KINDS[2:]} in base64",
            hint="data:image/png;base64,...",
        )
    return Image(url=reference)


def schema(path: str) -> dict[str, Any]:
    """Read a JSON schema; raises Misuse for what is none."""
    found = _json(path, "--schema")
    if not isinstance(found, dict):
        raise Misuse(f"--schema {path}: a JSON schema is an object", hint='such as {"type": "object"}')
    from llmpool.chat import fitting

    fitting.check(found, f"--schema {path}")
    return found


def tools(path: str) -> tuple[dict[str, Any], ...]:
    """Read function tools: a JSON array of them, as any of the protocols writes them; raises Misuse."""
    found = _json(path, "--tools")
    listed = found.get("tools", [found]) if isinstance(found, dict) else found
    if not isinstance(listed, list) or not listed or not all(_is_tool(tool) for tool in listed):
        raise Misuse(
            f"--tools {path}: not a list of function tools",
            hint='[{"name": "...", "description": "...", "parameters": {...}}]',
        )
    return tuple(map(_function, listed))


def _function(tool: dict[str, Any]) -> dict[str, Any]:
    """Return a function as OpenAI has it bare; the responses API, Anthropic and MCP write it otherwise.

    What else they write beside it (titles, annotations, marks of a cache) others refuse as unknown.
    """
    schemas = [tool[name] for name in ("parameters", "input_schema", "inputSchema") if name in tool]
    kind = tool.get("type", "function")
    if "function" in tool or not (kind == "function" or (kind == "custom" and schemas)):
        return tool
    bare = {name: tool[name] for name in ("name", "description", "strict") if name in tool}
    return bare | ({"parameters": schemas[0]} if schemas else {})


def _is_tool(tool: Any) -> bool:
    function = tool.get("function", tool) if isinstance(tool, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    return isinstance(name, str) and bool(name)


def _json(path: str, option: str) -> Any:
    text = _text(f"{option} {path}", _content(path, f"{option} takes a file of JSON, or -"), "")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Misuse(f"{option} {path} is not JSON: {error}") from None
    if is_deep(found):
        raise Misuse(f"{option} {path} is nested too deeply to be sent")
    return found


def _content(path: str, hint: str) -> bytes:
    """Read a file, or stdin for `-`, up to what may be sent; the *hint* says what is wanted."""
    if not path:
        raise Misuse("an empty name is no file", hint=hint)
    try:
        if path == "-":
            content = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with Path(path).open("rb") as file:
                content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:  # a name with a NUL or half a character is none, says open
        raise Misuse(f"{path}: {getattr(error, 'strerror', None) or error}", hint=hint) from None
    if len(content) > MAX_BYTES:
        raise Misuse(f"{path} is larger than {MAX_BYTES // 1024 // 1024} MiB", hint="send a smaller one")
    return content


def _text(path: str, content: bytes, kinds: str) -> str:
    """Read text; *kinds* is what else it may have been."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        wrong = f"neither text (UTF-8) nor {kinds}" if kinds else "no text (UTF-8)"
        raise Misuse(f"{path} is {wrong}", hint="convert it first") from None
