"""What a name tells: vision, text, abilities (catalog-registry-router 1.6, pool-routing-formats 6.5, 6.7)."""

from __future__ import annotations

import pytest

from llmpool.registry import kinds

SEEING = (
    "qwen2.5-vl",
    "google/gemma-3-4b",
    "gemma3:4b",
    "llava:7b",
    "bakllava",
    "moondream",
    "pixtral-12b",
    "InternVL2-8B",
    "minicpm-v",
    "openbmb/MiniCPMV",
    "janus-pro-7b",
    "llama3.2-vision:11b",
    "phi-4-multimodal",
    " LLaVA ",
    # reconcile-resolve 5.2, the vendors' own
    "gpt-5",
    "gpt-4o",
    "gpt-4.1-mini",
    "gpt-4-turbo",
    "chatgpt-4o-latest",
    "o1",
    "o3",
    "o4-mini",
    "computer-use-preview",
    "gpt-4-vision-preview",
    "models/gemini-1.5-pro",
    "gemini-2.0-flash",
    "gemini-2.5-pro",
    "gemini-3-pro-preview",
    "gemini-pro-vision",
    "claude-sonnet-4-6",
    "anthropic/claude-opus-4.1",
    # pool-routing-formats 6.5: part of a name that a cloud wrote its own prefix in front of
    "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
    "azure-gpt-4o",
    "llava:latest",
)
BLIND = (
    "gpt-oss",
    "gpt-oss:120b",
    "openai/gpt-oss-20b",
    "qwen3",
    "qwen3:8b",
    "llama3.1:8b",
    "gpt-4",
    "gpt-4-0613",
    "gpt-3.5-turbo",
    "gpt-4-turbo-preview",
    "o1-mini",
    "o1-preview",
    "o3-mini",
    "text-embedding-3-small",
    "gpt-4o-audio-preview",
    "gpt-4o-realtime-preview",
    "gpt-4o-mini-tts",
    "gpt-4o-transcribe",
    "gpt-4o-search-preview",
    "gpt-image-1",
    "gemini-2.5-flash-preview-tts",
    "gemini-2.5-live-translate",
    "azure-gpt-4o-audio",
    "codellama:7b",
    "",
)
# Row 39 of the worked examples, and every mark, start and whole name of 6.7.
NOT_TEXT = (
    "embedding-bert-512-v1",
    "text-embedding-3-small",
    "dall-e-3",
    "semantic_similarity-1",
    "jina-rerank-v2",
    "omni-moderation-latest",
    "gpt-4o-transcribe",
    "paraformer-transcription",
    "gpt-image-1",
    "google/imagen-4",
    "swap_face",
    "bge-m3",
    "whisper-1",
    "tts-1-hd",
    "mj_imagine",
    "mj-fast",
    "text-ada-001",
    "text-babbage-001",
    "text-curie-001",
    "text-davinci-003",
    "davinci-002",
    "babbage-002",
    "  Whisper-1 ",
    # reconcile-resolve 5.1, OpenAI's own; its dated completion models too
    "davinci-002-x",
    "gpt-3.5-turbo-instruct-0914",
    "sora-2",
    "chatgpt-image-latest",
    "gpt-audio-mini",
    "gpt-realtime-2.1",
    "gpt-4o-mini-tts",
    "gpt-4o-audio-preview",
    "codestral-embed",
    # Google's films, music and quotations
    "veo-3.1-generate-preview",
    "lyria-3-pro-preview",
    "nano-banana-pro",
    "aqa",
)
# `-instruct` means completion with OpenAI alone.
TEXT = (
    *("claude-sonnet-4-6", "BAAI/bge-m3", "openai/whisper-1", "qwen3:8b", "unheard-of"),
    *("qwen2.5-72b-instruct", "mistral-7b-instruct", "Qwen/Qwen2.5-72B-Instruct", "codellama:7b"),
)


@pytest.mark.parametrize("name", SEEING)
def test_names_that_promise_vision_take_images(name: str) -> None:
    """A known mark of a vision model, or a vendor's family that has it, means images."""
    assert kinds.sees_images(name)


@pytest.mark.parametrize("name", BLIND)
def test_other_names_promise_no_images(name: str) -> None:
    """Text-only families, and what speaks, draws or searches within a seeing family, take no images."""
    assert not kinds.sees_images(name)


def test_a_family_reveals_a_seeing_model_too() -> None:
    """Any family decides where the name is silent; qwen needs its vl."""
    assert kinds.sees_images("box-1", family="LLaVA")
    assert kinds.sees_images("box-1", families=("llama", " mllama-vision "))
    assert kinds.sees_images("box-1", family="qwen25vl")
    assert not kinds.sees_images("box-1", family="qwen3", families=("qwen3",))


@pytest.mark.parametrize("name", NOT_TEXT)
def test_names_of_other_trades_are_no_text_models(name: str) -> None:
    """Row 39 and its rule: embeddings, speech, pictures and moderation do not answer in text."""
    assert not kinds.is_text_model(name)


@pytest.mark.parametrize("name", TEXT)
def test_every_other_name_is_taken_for_a_text_model(name: str) -> None:
    """Row 39: the start of the whole name counts, vendor included, so BAAI/bge-m3 passes."""
    assert kinds.is_text_model(name)


@pytest.mark.parametrize("name", ["text-embedding-3-small", "nomic-embed-text", "bge-m3", "BAAI/bge-m3"])
def test_embedding_models_are_known_by_name(name: str) -> None:
    """`embed` anywhere, or bge at the start of the model's own name, makes an embedding model."""
    assert kinds.is_embedding(name)


def test_a_chat_model_is_no_embedding_model() -> None:
    """Nothing is called an embedding model without cause."""
    assert not kinds.is_embedding("qwen3:8b")


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("gpt-5-mini", True),
        ("openai/o3", True),
        ("deepseek-r1:8b", True),
        ("kimi-k2-thinking", True),
        ("deepseek-reasoner", True),
        ("o1-preview", True),
        ("llama3.1:8b", None),
        ("gpt-4o", None),
    ],
)
def test_thinking_is_known_or_unknown_but_never_denied_by_name(name: str, known: bool | None) -> None:
    """A name can promise thinking; its silence is no refusal (ruling 15)."""
    assert kinds.thinks(name) is known


@pytest.mark.parametrize(
    ("name", "tools", "json"),
    [
        ("gpt-4o", True, True),
        ("gpt-3.5-turbo", True, True),
        ("anthropic/claude-sonnet-4-6", True, True),
        ("gemini-2.5-pro", True, None),
        ("o1-preview", False, None),
        ("openai/o1-mini", False, None),
        ("llava:latest", None, None),
        ("qwen3:8b", None, None),
    ],
)
def test_row_38_some_names_tell_of_tools_and_json(name: str, tools: bool | None, json: bool | None) -> None:
    """Row 38 and 6.5: what a family is known for, o1-preview for calling none; silence is no refusal."""
    assert (kinds.calls_tools(name), kinds.writes_json(name)) == (tools, json)


@pytest.mark.parametrize(
    ("name", "tokens"),
    [
        ("gpt-5-chat-latest", 16384),
        ("gpt-5-pro", 272000),
        ("gpt-5-pro-2025-10-06", 272000),
        ("gpt-5", 128000),
        ("openai/gpt-5-mini-2025-08-07", 128000),
        ("gpt-5.1-codex", 128000),
        ("gpt-5x", 0),
        ("gpt-4o", 0),
        ("claude-sonnet-4-6", 0),
    ],
)
def test_the_longest_answer_of_openais_own_is_known(name: str, tokens: int) -> None:
    """reconcile-resolve 5.1: by exact name and by start; 0 is unknown and clamps nothing."""
    assert kinds.max_output(name) == tokens


@pytest.mark.parametrize(
    ("name", "elsewhere"),
    [
        ("gpt-oss:120b-cloud", True),
        ("kimi-k2:cloud", True),
        ("gpt-oss:120b-Cloud", True),  # servers take a name in any case
        ("gpt-oss:120b", False),
        ("cloudy", False),
        ("cloud-7b", False),
    ],
)
def test_a_cloud_tag_means_that_another_machine_runs_it(name: str, elsewhere: bool) -> None:
    """Ollama forwards models tagged `cloud`, alone or behind a size (ruling 5)."""
    assert kinds.runs_elsewhere(name) is elsewhere
