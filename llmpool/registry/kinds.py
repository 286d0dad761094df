"""What a model's name says about it: chat or not, vision, where a server really runs.

Sources: catalog-registry-router 1.6 (vision), pool-routing-formats 6.7 (non-chat), DESIGN ruling 5 (local).
"""

from __future__ import annotations

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
)
_NOT_TEXT_NAMES = ("davinci-002", "babbage-002", "gpt-3.5-turbo-instruct")

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
# What one of a family does instead of looking, said in its name.
_NOT_VISION = ("tts", "-audio", "realtime", "sora", "-search", "live-translate", "lyria", "veo", "aqa")
_THINKING_START = ("gpt-5", "o1", "o3", "o4", "gpt-oss", "deepseek-r1", "deepseek-reasoner", "qwq")


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
    bare = name.strip().lower().rsplit("/", 1)[-1]
    if bare.startswith(_TEXT_ONLY):
        return False
    if bare.startswith(_VISION_START) and is_text_model(bare):
        return not any(mark in bare for mark in _NOT_VISION)
    texts = [text.strip().lower() for text in (name, family, *families)]
    return any(any(mark in text for mark in _VISION) or ("qwen" in text and "vl" in text) for text in texts)


def thinks(name: str) -> bool | None:
    """Say whether a model can think before it answers; None where the name does not tell."""
    bare = name.lower().rsplit("/", 1)[-1]
    return True if bare.startswith(_THINKING_START) or "thinking" in bare else None


def runs_elsewhere(name: str) -> bool:
    """Say whether a local server only forwards this model, as Ollama does for names ending in `-cloud`."""
    return name.endswith(("-cloud", ":cloud"))


def latest(name: str) -> str:
    """Give a name its implied tag: `a` and `a:latest` are one model (ruling 18)."""
    return name if ":" in name.rsplit("/", 1)[-1] else f"{name}:latest"


def spellings(name: str) -> tuple[str, ...]:
    """List the ways to write one model, the given one first: with and without its implied tag."""
    return tuple(dict.fromkeys((name, latest(name), name.removesuffix(":latest"))))
