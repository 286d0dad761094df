"""Complete a model in bash before anything else is loaded: the keystroke a person waits for most."""

import os
import sys

_OPTIONS = ("-m", "--model", "--exclude")
_COMMANDS = ("chat", "route")


def answered() -> bool:
    """Answer bash when it asks for a model of `chat` or `route`; False leaves it to the command tree."""
    line = os.environ.get("COMP_WORDS", "")
    if os.environ.get("_LLMPOOL_COMPLETE") != "complete_bash" or any(mark in line for mark in "\"'\\"):
        return False
    words, place = line.split(), os.environ.get("COMP_CWORD", "")
    if not place.isdigit() or not 2 < int(place) <= len(words) or "--" in words:
        return False
    if words[1] not in _COMMANDS or words[int(place) - 1] not in _OPTIONS:
        return False
    from llmpool.cli import complete

    asked = words[int(place)] if int(place) < len(words) else ""
    sys.stdout.write("".join(f"{ref}\n" for ref in complete.models(asked)))
    return True
