"""Write a tiny language model that a real llama.cpp server loads, tokenises, samples and streams with.

    python -m tests.tools.make_tiny_gguf tiny.gguf

The model knows nothing: it strings English words into short sentences. Two tricks make its answers readable
and finite. The first dimension of every embedding is one constant that no layer writes to, so its column of
the output matrix is a bias for each token: words are likely, single bytes and control tokens are not. And the
output row of a word contains the embedding of the word before it in `SENTENCES`, so the likeliest answer, the
one of temperature 0, walks along a sentence to its full stop, and after a full stop the turn ends.

Standard library only, the same bytes for the same seed everywhere.
"""

from __future__ import annotations

import random
import struct
import sys
from array import array
from itertools import pairwise
from pathlib import Path
from typing import Any

SENTENCES = """
one small river keeps a slow and silver song under the old bridge
every morning our garden wakes with quiet birds above wet grass
my uncle built two wooden boats from pine he cut last winter
bright lanterns hang along that narrow street before summer rain begins
she wrote seven letters about stars whose light left long ago
many good answers start as honest questions nobody dared ask aloud
bread tastes better when friends share it near some warm fire
clouds drift across these green hills while sheep sleep without worry
"""

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)

WIDTH, LAYERS, HEADS, INNER = 64, 2, 4, 128
KEPT = 2  # dimensions no layer writes to: the constant, and "an answer has just begun"
LEVEL = 4.0  # the constant
GAIN = 2.9  # what the norm makes of LEVEL, about: LEVEL / sqrt((LEVEL**2 + WIDTH) / WIDTH) / 1.2
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6  # llama.cpp's kinds of token
SPACE = "\u2581"  # SentencePiece writes a space so


def _vocabulary() -> list[tuple[str, float, int]]:
    """Return (text, score, kind) of every token; a merge needs each prefix of a word as a token too."""
    control = ["<s>", "</s>", "<|im_start|>", "<|im_end|>"]
    vocabulary = [("<unk>", 0.0, UNKNOWN), *((text, 0.0, CONTROL) for text in control)]
    vocabulary += [(f"<0x{value:02X}>", 0.0, BYTE) for value in range(256)]
    words = SENTENCES.split()
    pieces = [SPACE + word for word in words]
    pieces += [*"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?:;'\"(){}[]/-_\n", SPACE]
    pieces += [SPACE + word[:end] for word in words for end in range(1, len(word))]
    return vocabulary + [(text, -float(rank), NORMAL) for rank, text in enumerate(dict.fromkeys(pieces))]


def _noise(rng: random.Random, rows: int, columns: int, spread: float) -> list[list[float]]:
    """Return a matrix of uniform noise of that standard deviation."""
    reach = spread * 12**0.5
    return [[(rng.random() - 0.5) * reach for _ in range(columns)] for _ in range(rows)]


def _embeddings(rng: random.Random, ids: dict[str, int]) -> list[list[float]]:
    """Return the token embeddings: noise, the constant, and a mark on the token an answer follows."""
    rows = _noise(rng, len(ids), WIDTH, 1.0)
    for row in rows:
        row[:KEPT] = [LEVEL, 0.0]
    rows[ids["\n"]][1] = LEVEL
    return rows


def _output(rng: random.Random, ids: dict[str, int], embeddings: list[list[float]]) -> list[list[float]]:
    """Return the output matrix: noise, a bias for each token, and what follows what."""
    rows = _noise(rng, len(ids), WIDTH, 0.06)
    for row in rows:
        row[:KEPT] = [-12.0 / GAIN, 0.0]
    for sentence in SENTENCES.strip().splitlines():
        chain = [ids[SPACE + word] for word in sentence.split()] + [ids["."]]
        for before, after in pairwise(chain):
            _follow(rows[after], embeddings[before], 0.09)
        for word in chain[:-1]:
            rows[word][0] = 0.0
    rows[ids["."]][:KEPT] = [-0.4 / GAIN, -20.0 / GAIN]  # never the first token
    _follow(rows[ids["<|im_end|>"]], embeddings[ids["."]], 0.45)
    return rows


def _follow(row: list[float], before: list[float], weight: float) -> None:
    """Make the token of output *row* likely after the token embedded as *before*."""
    row[KEPT:] = [mine + weight * its for mine, its in zip(row[KEPT:], before[KEPT:], strict=True)]


def _tensors(rng: random.Random, ids: dict[str, int]) -> dict[str, list[list[float]]]:
    """Return every weight by name; a norm is a matrix of one row."""
    ones = [[1.0] * WIDTH]
    embeddings = _embeddings(rng, ids)
    tensors = {"token_embd": embeddings}
    for layer in range(LAYERS):
        block = {"attn_norm": ones, "ffn_norm": ones}
        block |= {name: _noise(rng, WIDTH, WIDTH, 0.12) for name in ("attn_q", "attn_k", "attn_v")}
        block |= {name: _noise(rng, INNER, WIDTH, 0.12) for name in ("ffn_gate", "ffn_up")}
        block |= {"attn_output": _noise(rng, WIDTH, WIDTH, 0.05), "ffn_down": _noise(rng, WIDTH, INNER, 0.03)}
        for name in ("attn_output", "ffn_down"):
            block[name][:KEPT] = [[0.0] * len(row) for row in block[name][:KEPT]]
        tensors |= {f"blk.{layer}.{name}": rows for name, rows in block.items()}
    return tensors | {"output_norm": ones, "output": _output(rng, ids, embeddings)}


def _text(value: str) -> bytes:
    """Return a GGUF string."""
    data = value.encode()
    return struct.pack("<Q", len(data)) + data


def _value(value: Any) -> bytes:
    """Return a GGUF value with its type: bool, unsigned, float, string, or a list of one of them."""
    if isinstance(value, bool):
        return struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return struct.pack("<II", 4, value)
    if isinstance(value, float):
        return struct.pack("<If", 6, value)
    if isinstance(value, str):
        return struct.pack("<I", 8) + _text(value)
    items = [_value(item) for item in value]
    kind = struct.pack("<I", 5) if isinstance(value[0], int) else items[0][:4]  # lists of signed numbers
    return struct.pack("<I", 9) + kind + struct.pack("<Q", len(items)) + b"".join(item[4:] for item in items)


def _metadata(vocabulary: list[tuple[str, float, int]], ids: dict[str, int], context: int) -> dict[str, Any]:
    """Return the key-value pairs of the file."""
    shape = {"context_length": context, "embedding_length": WIDTH, "block_count": LAYERS}
    shape |= {"feed_forward_length": INNER, "rope.dimension_count": WIDTH // HEADS, "vocab_size": len(ids)}
    shape |= {"attention.head_count": HEADS, "attention.head_count_kv": HEADS}
    pairs: dict[str, Any] = {"general.architecture": "llama", "general.name": "Tiny", "general.file_type": 0}
    pairs |= {f"llama.{key}": value for key, value in shape.items()}
    pairs["llama.attention.layer_norm_rms_epsilon"] = 1e-5
    texts, scores, kinds = zip(*vocabulary, strict=True)
    tokenizer = {"model": "llama", "tokens": texts, "scores": scores, "token_type": kinds}
    tokenizer |= {"bos_token_id": ids["<s>"], "eos_token_id": ids["<|im_end|>"], "unknown_token_id": 0}
    tokenizer |= {"add_bos_token": True, "add_eos_token": False, "add_space_prefix": False}
    pairs |= {f"tokenizer.ggml.{key}": value for key, value in tokenizer.items()}
    return pairs | {"tokenizer.chat_template": CHAT_TEMPLATE}


def _floats(rows: list[list[float]]) -> bytes:
    """Return a matrix as little-endian 32-bit floats, padded to the alignment of 32 bytes."""
    values = array("f", (number for row in rows for number in row))
    if sys.byteorder == "big":
        values.byteswap()
    data = values.tobytes()
    return data + bytes(-len(data) % 32)


def write_tiny_gguf(path: Path, *, seed: int = 7, context: int = 8192) -> None:
    """Write the model of *seed* to *path*; *context* is what it says it was trained for."""
    vocabulary = _vocabulary()
    ids = {text: number for number, (text, _, _) in enumerate(vocabulary)}
    tensors = _tensors(random.Random(seed), ids)
    pairs = _metadata(vocabulary, ids, context)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(pairs))
    head += b"".join(_text(key) + _value(value) for key, value in pairs.items())
    body: list[bytes] = []
    offset = 0
    for name, rows in tensors.items():
        shape = (WIDTH,) if len(rows) == 1 else (len(rows[0]), len(rows))
        head += _text(name + ".weight") + struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += struct.pack("<IQ", 0, offset)
        body.append(_floats(rows))
        offset += len(body[-1])
    path.write_bytes(head + bytes(-len(head) % 32) + b"".join(body))


if __name__ == "__main__":
    write_tiny_gguf(Path(sys.argv[1]))
