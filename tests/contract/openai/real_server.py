"""A real llama.cpp server with a model of random weights, in a process of its own; prints where it listens.

    python -m tests.contract.openai.real_server MODEL [TEMPLATE [BUDGET]]

TEMPLATE is the chat template, BUDGET the tokens after which the server ends a thought.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

# Chat templates as models have them: one that offers tools and writes calls, one that opens a thought.
TOOLS = """\
{%- if tools %}{{- '<|im_start|>system\\n<tools>' }}{%- for tool in tools %}{{- '\\n' }}{{- tool | tojson }}\
{%- endfor %}{{- '\\n</tools>\\n<tool_call>{"name": <name>, "arguments": <args>}</tool_call><|im_end|>\\n' }}\
{%- endif %}\
{%- for message in messages %}\
{%- if message.role == 'tool' %}\
{{- '<|im_start|>user\\n<tool_response>\\n' + message.content + '\\n</tool_response><|im_end|>\\n' }}\
{%- else %}{{- '<|im_start|>' + message.role + '\\n' }}\
{%- if message.reasoning_content %}\
{{- '<think>\\n' + message.reasoning_content + '\\n</think>\\n\\n' }}{%- endif %}\
{%- if message.content %}{{- message.content }}{%- endif %}\
{%- if message.tool_calls %}{%- for tool_call in message.tool_calls %}\
{{- '<tool_call>{"name": "' + tool_call.function.name + '", "arguments": ' }}\
{{- tool_call.function.arguments | tojson }}{{- '}</tool_call>' }}\
{%- endfor %}{%- endif %}{{- '<|im_end|>\\n' }}{%- endif %}{%- endfor %}\
{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"""
THINKS = "add_generation_prompt and (enable_thinking is not defined or enable_thinking)"
THINKING = TOOLS + "{%- if " + THINKS + " %}{{- '<think>\\n' }}{%- endif %}"


def main(model: str, template: str = "", budget: str = "") -> None:
    """Serve *model* on a free port of loopback until killed."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = model
    parameters.model_alias = {"tiny"}
    parameters.hostnames = ["127.0.0.1"]
    parameters.port = 0
    parameters.api_keys = ["its-key"]
    parameters.n_ctx = 2048
    parameters.cpuparams.n_threads = 1
    parameters.cpuparams_batch.n_threads = 1
    if template:
        parameters.chat_template = Path(template).read_text(encoding="utf-8")
    if budget:
        parameters.sampling.reasoning_budget_tokens = int(budget)
    server = xllamacpp.Server(parameters)
    print(server.listening_address, flush=True)
    time.sleep(300)  # its parent kills it sooner


if __name__ == "__main__":
    main(*sys.argv[1:])
