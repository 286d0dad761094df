"""What is run in the environments of the peers, and in ours beside them: texts of Python."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tests.benchmarks._process import Failed

_SHOWN = """
import sys
def show(text):
    if text:
        sys.stdout.write(text)
        sys.stdout.flush()
url, word = sys.argv[1:]
messages = [{"role": "user", "content": word}]
"""
HTTPX = """
import json, sys
import httpx

asked = {"model": "m", "stream": True, "messages": [{"role": "user", "content": sys.argv[2]}]}
with httpx.Client() as client, client.stream("POST", sys.argv[1], json=asked) as answer:
    for line in answer.iter_lines():
        if line.startswith("data: {"):
            for choice in json.loads(line[6:])["choices"]:
                print(choice["delta"].get("content", ""), end="", flush=True)
"""
CHAT = {
    "litellm": _SHOWN
    + """
import litellm
for part in litellm.completion(model="openai/m", api_base=url, api_key="x", stream=True, messages=messages):
    show(part.choices[0].delta.content)
""",
    "aisuite": _SHOWN
    + """
import aisuite
client = aisuite.Client({"openai": {"api_key": "x", "base_url": url}})
for part in client.chat.completions.create(model="openai:m", messages=messages, stream=True):
    show(part.choices[0].delta.content)
""",
    "any-llm": _SHOWN
    + """
from any_llm import completion
for part in completion(
    model="m", provider="openai", api_base=url, api_key="x", messages=messages, stream=True
):
    show(part.choices[0].delta.content if part.choices else "")
""",
}
DECIDE = """
import gc, json, os, time
gc.disable()
from llmpool.config.paths import find_paths
from llmpool.core.routing import RouteRequest
from llmpool.decide import decide
from llmpool.pool import Pool
from llmpool.router.explain import SHOWN, decision_json
pool, took = Pool(find_paths(os.environ), os.environ, time.time), []
for number in range(60):
    began = time.process_time()
    query = f"Explain in {number} words why the sky is blue"
    choice = decide(pool, RouteRequest(query=query, context_size=500))
    json.dumps(decision_json(choice.decision, SHOWN))
    took.append(1000 * (time.process_time() - began))
print(json.dumps({"decide": took[10:]}))
"""
LITELLM_ROUTER = """
import json, time, logging
logging.disable(logging.CRITICAL)
import litellm
from litellm import Router
listed = [
    {"model_name": "m", "litellm_params": {"model": "openai/gpt-4o-mini", "api_key": "x",
     "api_base": f"http://127.0.0.1:9/{n}"}} for n in range(1000)
]
asked, found = [{"role": "user", "content": "Explain in 7 words why the sky is blue"}], {}
for strategy in ("simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing-v2"):
    router, took = Router(model_list=listed, routing_strategy=strategy), []
    for number in range(12):
        began = time.process_time()
        router.get_available_deployment(model="m", messages=asked)
        took.append(1000 * (time.process_time() - began))
    found[strategy] = took[2:]
print("\\n" + json.dumps(found))
"""
COST = """
import json, time
from datetime import UTC, datetime
from llmpool.core.outcome import TokenUsage
from llmpool.data.prices import document
from llmpool.pricing.match import Book
from llmpool.pricing.total import cost
priced, took = Book(document()).entry("openai", "gpt-4o-mini"), []
usage, now = TokenUsage(input=12_000, output=800, cache_read=2_000), datetime.now(UTC)
for _ in range(50):
    began = time.process_time()
    for _ in range(200):
        cost(priced.at(now), usage)
    took.append(1e6 * (time.process_time() - began) / 200)
print(json.dumps({"cost": took}))
"""
LITELLM_COST = """
import json, time
import litellm
took = []
for _ in range(12):
    began = time.process_time()
    for _ in range(50):
        litellm.cost_per_token(model="gpt-4o-mini", prompt_tokens=12_000, completion_tokens=800,
                               cache_read_input_tokens=2_000)
    took.append(1e6 * (time.process_time() - began) / 50)
print("\\n" + json.dumps({"cost": took[2:]}))
"""


def teach_llm(home: Path, url: str) -> None:
    """Tell llm of a server that speaks as OpenAI does, as the model `mock`."""
    home.mkdir(parents=True, exist_ok=True)
    told = f"- model_id: mock\n  model_name: m\n  api_base: {json.dumps(url)}\n  api_key_name: mock\n"
    (home / "extra-openai-models.yaml").write_text(told, encoding="utf-8")
    (home / "keys.json").write_text('{"mock": "x"}', encoding="utf-8")


def figures(command: list[str], env: Mapping[str, str], cwd: Path) -> dict[str, list[float]]:
    """Run a text that prints its figures as JSON in its last line."""
    done = subprocess.run(command, env=dict(env), cwd=cwd, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"exit {done.returncode}: {done.stderr.strip().splitlines()[-1:]}")
    found: dict[str, list[float]] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
