"""What a model's name says about it: chat or not, what it can do, where a server really runs.

Sources: catalog-registry-router 1.6 (vision), pool-routing-formats 6.5 (abilities) and 6.7 (non-chat),
reconcile-resolve 5.1 and 5.2 (OpenAI's and Google's own), DESIGN ruling 5 (local).
"""

from __future__ import annotations

# Presets of servers of one's own: what a table tells of the originals is wrong of the files they run.
SELF_HOSTED = frozenset({"ollama", "lmstudio", "llamacpp", "vllm", "jan", "embedded"})

_NOT_TEXT = (
    "embedding",
    "semantic_similarity",
    "rerank",
    "moderation",
    "transcribe",
    "transcription",
    "dall-e",
    "gpt-image",
    "imagen",
    "swap_face",
    # reconcile-resolve 5.1, OpenAI's own and names that follow it
    "-embed",
    "embed-",
    "-tts-",
    "-audio-",
    "-realtime",
    "-image-",
)
_NOT_TEXT_START = (
    "bge-",
    "whisper",
    "tts-",
    "mj_",
    "mj-",
    "text-ada-",
    "text-babbage-",
    "text-curie-",
    "text-davinci-",
    "sora-",
    "gpt-audio",
    "gpt-realtime",
    "chatgpt-image",
    # prompt only (5.1); `-instruct` means that with OpenAI alone, other vendors' chat models are called so
    "davinci-",
    "babbage-",
    "gpt-3.5-turbo-instruct",
    # Google's that make pictures, films, music or quotations
    "veo-",
    "lyria-",
    "nano-banana",
)
_NOT_TEXT_NAMES = ("aqa",)

_VISION = (
    "vision",
    "multimodal",
    "llava",
    "bakllava",
    "moondream",
    "pixtral",
    "internvl",
    "minicpm-v",
    "minicpmv",
    "janus",
    "gemma-3",
    "gemma3",
)
# Vendors' own families that take images (reconcile-resolve 5.2), with the text-only ones named first.
_TEXT_ONLY = ("gpt-3.5", "gpt-4-turbo-preview", "o1-mini", "o1-preview", "o3-mini", "gpt-oss")
_VISION_START = (
    "gpt-5",
    "gpt-4o",
    "gpt-4.1",
    "gpt-4-turbo",
    "chatgpt-4o",
    "o1",
    "o3",
    "o4",
    "computer-use",
    "claude-3",
    "claude-opus",
    "claude-sonnet",
    "claude-haiku",
    "gemini-1.5",
    "gemini-2",
    "gemini-3",
    "grok-4",
)
# Families told by any part of a name: clouds write their own prefixes in front (6.5).
_VISION_FAMILIES = ("gpt-4o", "gpt-4-turbo", "claude-3")
# What one of a family does instead of looking, said in its name.
_NOT_VISION = ("tts", "-audio", "realtime", "sora", "-search", "live-translate", "lyria", "veo", "aqa")
_TOOLS = ("gpt-4", "gpt-3.5-turbo", "claude", "gemini")
_NO_TOOLS = ("o1-mini", "o1-preview")  # row 38
_JSON = ("gpt-4", "gpt-3.5-turbo", "claude")
_THINKING_START = ("gpt-5", "o1", "o3", "o4", "gpt-oss", "deepseek-r1", "deepseek-reasoner", "qwq")
# OpenAI's that answer with up to 128,000 tokens, dated ones included.
_LONG_ANSWERS = ("gpt-5-202", "gpt-5-mini", "gpt-5-nano", "gpt-5.1", "gpt-5.2", "gpt-5.4", "gpt-5.5")


def is_text_model(name: str) -> bool:
    """Say whether a model answers in text, by the whole lower-cased name, vendor prefix kept."""
    text = name.strip().lower()
    return not (
        any(mark in text for mark in _NOT_TEXT)
        or text.startswith(_NOT_TEXT_START)
        or text.endswith("-tts")
        or text in _NOT_TEXT_NAMES
    )


def is_embedding(name: str) -> bool:
    """Say whether a name is that of an embedding model."""
    text = name.lower()
    return "embed" in text or text.startswith("bge-") or "/bge-" in text


def sees_images(name: str, family: str = "", families: tuple[str, ...] = ()) -> bool:
    """Say whether a model takes images, judging by its name and families."""
    whole = name.strip().lower()
    bare = whole.rsplit("/", 1)[-1]
    if bare.startswith(_TEXT_ONLY):
        return False
    known = bare.startswith(_VISION_START) or any(mark in bare for mark in _VISION_FAMILIES)
    if known and is_text_model(bare):
        return not any(mark in bare for mark in _NOT_VISION)
    texts = [whole, family.strip().lower(), *(text.strip().lower() for text in families)]
    return any(any(mark in text for mark in _VISION) or ("qwen" in text and "vl" in text) for text in texts)


def calls_tools(name: str) -> bool | None:
    """Say whether a model calls tools; None where the name does not tell."""
    bare = name.lower().rsplit("/", 1)[-1]
    if bare.startswith(_NO_TOOLS):
        return False
    return True if any(mark in bare for mark in _TOOLS) else None


def writes_json(name: str) -> bool | None:
    """Say whether a model answers in JSON when it is told to; None where the name does not tell."""
    bare = name.lower().rsplit("/", 1)[-1]
    return True if any(mark in bare for mark in _JSON) else None


def thinks(name: str) -> bool | None:
    """Say whether a model can think before it answers; None where the name does not tell."""
    bare = name.lower().rsplit("/", 1)[-1]
    promised = bare.startswith(_THINKING_START) or "thinking" in bare or "reasoner" in bare
    return True if promised else None


def max_output(name: str) -> int:
    """Say how many tokens OpenAI's own models answer with at most; 0 where the name does not tell (5.1)."""
    bare = name.strip().lower().rsplit("/", 1)[-1].removesuffix(":latest")
    if bare.startswith("gpt-5-chat-"):
        return 16384
    if bare == "gpt-5-pro" or bare.startswith("gpt-5-pro-"):
        return 272000
    return 128000 if bare == "gpt-5" or bare.startswith(_LONG_ANSWERS) else 0


def runs_elsewhere(name: str) -> bool:
    """Say whether a local server only forwards this model, as Ollama does for names ending in `-cloud`."""
    return name.lower().endswith(("-cloud", ":cloud"))
