"""Tell from a server's count of a prompt that it was cut: local servers do that without a word."""

from __future__ import annotations

from llmpool.chat.sizes import roomy
from llmpool.core.word import word

FAR = 4  # a count so many times under the estimate is no matter of how tokens are counted
WORTH = 4096  # tokens below which nothing is cut by any server's default


def warning(
    ref: str, sent: int, counted: int, window: int, *, several: bool = False, grows: bool = True
) -> str:
    """Return the warning that a prompt of about *sent* tokens was cut, or nothing.

    *window* is what the model is loaded with, 0 where that is not known. A count that fills it is proof. One
    far below what was sent makes it likely, but not where *several* turns were sent that all fit: some
    servers do not count the turns they remember. *grows* says that the server can be told to load with more.
    """
    order = f"llmpool models load {word(ref)} --context {roomy(sent)}"
    larger = f"a larger window: {order}" if grows else "its window is set where its server is started"
    if 0 < window <= counted + 1 and sent > window:
        provider = ref.partition("/")[0]
        return f"{provider} cut the prompt to its window of {window:,} tokens; some of it was lost; {larger}"
    over = 0 < window < sent and counted * 2 < sent
    far = sent > WORTH and counted * FAR < sent and not several
    if not over and not far:
        return ""
    place = f" to its window of {window:,}" if 0 < window < sent else ""
    return f"{ref} counted {counted:,} tokens of about {sent:,}: the prompt was probably cut{place}; {larger}"
