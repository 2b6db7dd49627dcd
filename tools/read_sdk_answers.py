"""Run the SDKs that are installed against stub answers on the loopback, and read what each makes of them.

    pip install openai anthropic google-genai cohere mistralai dashscope zai-sdk xai-sdk litellm \
        langchain-core openrouter groq together cerebras-cloud-sdk perplexityai ollama pydantic-ai-slim \
        openai-agents claude-agent-sdk 'volcengine-python-sdk[ark]'
    python tools/read_sdk_answers.py [NAME …]

Each line says what an SDK's own object told, or why it was refused: a later maintainer sees what moved.
No answer leaves the machine, and no key is real. ``--dump`` prints the objects, too.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from tokenbill import TokenbillError, Usage
from tokenbill.payloads import merged, read_usage

KEY = "stub"
HELLO = [{"role": "user", "content": "hi"}]
CHAT_USAGE = {
    "prompt_tokens": 3000,
    "completion_tokens": 200,
    "total_tokens": 3200,
    "prompt_tokens_details": {"cached_tokens": 1000},
    "completion_tokens_details": {"reasoning_tokens": 50},
}
CHAT_READ = {
    "input_tokens": 2000,
    "input_tokens{cache=read}": 1000,
    "output_tokens": 150,
    "output_tokens{kind=reasoning}": 50,
}
CLAUDE_USAGE = {
    "input_tokens": 12,
    "cache_read_input_tokens": 3000,
    "cache_creation_input_tokens": 700,
    "cache_creation": {"ephemeral_5m_input_tokens": 450, "ephemeral_1h_input_tokens": 250},
    "output_tokens": 95,
    "service_tier": "standard",
}
CLAUDE_READ = {
    "input_tokens": 12,
    "input_tokens{cache=read}": 3000,
    "input_tokens{cache=write}": 450,
    "input_tokens{cache=write,ttl=1h}": 250,
    "output_tokens": 95,
}


def chat(usage: dict[str, Any] | None = None) -> dict[str, Any]:
    message = {"role": "assistant", "content": "hello"}
    return {
        "id": "c1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "system_fingerprint": None,
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": usage or CHAT_USAGE,
    }


RESPONSE = {
    "id": "r1",
    "object": "response",
    "created_at": 1,
    "model": "m",
    "status": "completed",
    "parallel_tool_calls": True,
    "tool_choice": "auto",
    "tools": [],
    "output": [
        {
            "type": "web_search_call",
            "id": "w",
            "status": "completed",
            "action": {"type": "search", "query": "q"},
        }
    ],
    "tool_usage": {
        "image_gen": {
            "input_tokens": 0,
            "output_tokens": 0,
            "total_tokens": 0,
            "input_tokens_details": {"image_tokens": 0, "text_tokens": 0},
        },
        "web_search": {"num_requests": 1},
    },
    "usage": {
        "input_tokens": 3000,
        "input_tokens_details": {
            "cached_tokens": 1000,
            "cache_write_tokens": 1500,
            "cache_write_tokens_details": {"ttl_30m_tokens": 500, "ttl_12h_tokens": 1000},
        },
        "output_tokens": 200,
        "output_tokens_details": {"reasoning_tokens": 50},
        "total_tokens": 3200,
    },
}
MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "m",
    "content": [{"type": "text", "text": "hello"}],
    "stop_reason": "end_turn",
    "stop_sequence": None,
    "usage": CLAUDE_USAGE,
}
GENERATED = {
    "responseId": "g1",
    "modelVersion": "gemini-3-pro",
    "candidates": [
        {
            "content": {"role": "model", "parts": [{"text": "hello"}]},
            "groundingMetadata": {"webSearchQueries": ["a", "b"]},
        }
    ],
    "usageMetadata": {
        "promptTokenCount": 50,
        "toolUsePromptTokenCount": 30,
        "cachedContentTokenCount": 20,
        "candidatesTokenCount": 15,
        "thoughtsTokenCount": 25,
        "totalTokenCount": 120,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": 50}],
    },
}
COHERE = {
    "id": "co1",
    "finish_reason": "COMPLETE",
    "message": {"role": "assistant", "content": [{"type": "text", "text": "hello"}]},
    "usage": {
        "billed_units": {"input_tokens": 5, "output_tokens": 7},
        "tokens": {"input_tokens": 71, "output_tokens": 7},
        "cached_tokens": 32,
    },
}
DASHSCOPE = {
    "request_id": "q1",
    "output": {"text": "hello", "finish_reason": "stop"},
    "usage": {
        "input_tokens": 100,
        "output_tokens": 20,
        "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64},
        "output_tokens_details": {"reasoning_tokens": 5, "text_tokens": 15},
    },
}
OLLAMA = {
    "model": "m",
    "created_at": "2026-11-01T00:00:00Z",
    "message": {"role": "assistant", "content": "hello"},
    "done": True,
    "done_reason": "stop",
    "total_duration": 5191566416,
    "load_duration": 2154458,
    "prompt_eval_count": 26,
    "prompt_eval_duration": 383809000,
    "eval_count": 298,
    "eval_duration": 4799921000,
}
SONAR = {
    "prompt_tokens": 108,
    "completion_tokens": 3256,
    "total_tokens": 3364,
    "citation_tokens": 7299,
    "num_search_queries": 74,
    "reasoning_tokens": 73248,
    "cost": {"input_tokens_cost": 0, "output_tokens_cost": 0, "total_cost": 1},
}
ANSWERS = [
    ("/sonar/chat/completions", chat(SONAR)),
    ("/api/chat", OLLAMA),
    (":generateContent", GENERATED),
    ("/v2/chat", COHERE),
    ("/text-generation/generation", DASHSCOPE),
    ("/messages", MESSAGE),
    ("/responses", RESPONSE),
    ("/chat/completions", chat()),
]
"""The answer of a path by its end, the first one that fits."""


class Stub(BaseHTTPRequestHandler):
    """Answers every request by its path."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.partition("?")[0]
        body = json.dumps(next((answer for end, answer in ANSWERS if path.endswith(end)), chat())).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


def openai_chat(url: str) -> Any:
    from openai import OpenAI

    return OpenAI(api_key=KEY, base_url=f"{url}/v1").chat.completions.create(model="m", messages=HELLO)


def openai_responses(url: str) -> Any:
    from openai import OpenAI

    return OpenAI(api_key=KEY, base_url=f"{url}/v1").responses.create(model="m", input="hi")


def anthropic_messages(url: str) -> Any:
    from anthropic import Anthropic

    client = Anthropic(api_key=KEY, base_url=url)
    return client.messages.create(model="m", max_tokens=10, messages=HELLO)


def google_genai(url: str) -> Any:
    from google import genai

    client = genai.Client(api_key=KEY, http_options={"base_url": url})
    return client.models.generate_content(model="gemini-3-pro", contents="hi")


def cohere_chat(url: str) -> Any:
    import cohere

    return cohere.ClientV2(api_key=KEY, base_url=url).chat(model="m", messages=HELLO)


def mistral_chat(url: str) -> Any:
    try:
        from mistralai.client import Mistral
    except ImportError:
        from mistralai import Mistral

    return Mistral(api_key=KEY, server_url=url).chat.complete(model="m", messages=HELLO)


def dashscope_generation(url: str) -> Any:
    import dashscope

    dashscope.base_http_api_url = f"{url}/api/v1"
    return dashscope.Generation.call(model="qwen-max", api_key=KEY, messages=HELLO, result_format="message")


def zai_chat(url: str) -> Any:
    from zai import ZaiClient

    return ZaiClient(api_key=f"{KEY}.{KEY}", base_url=url).chat.completions.create(model="m", messages=HELLO)


def ark_chat(url: str) -> Any:
    from volcenginesdkarkruntime import Ark

    return Ark(api_key=KEY, base_url=url).chat.completions.create(model="m", messages=HELLO)


def xai_sdk(url: str) -> Any:
    from xai_sdk.chat import Response
    from xai_sdk.proto import chat_pb2, usage_pb2

    tools = ["SERVER_SIDE_TOOL_WEB_SEARCH", "SERVER_SIDE_TOOL_WEB_SEARCH", "SERVER_SIDE_TOOL_X_SEARCH"]
    usage = usage_pb2.SamplingUsage(
        prompt_tokens=10,
        completion_tokens=5,
        reasoning_tokens=20,
        total_tokens=35,
        server_side_tools_used=tools,
    )
    answer = chat_pb2.GetChatCompletionResponse(id="x1", model="m", usage=usage)
    answer.outputs.add()
    return Response(answer, 0)


def litellm_usage(url: str) -> Any:
    import litellm

    return litellm.completion("openai/m", messages=HELLO, api_key=KEY, api_base=f"{url}/v1")


def langchain_message(url: str) -> Any:
    from langchain_core.messages import AIMessage

    usage = {
        "input_tokens": 3000,
        "output_tokens": 200,
        "total_tokens": 3200,
        "input_token_details": {"cache_read": 1000},
        "output_token_details": {"reasoning": 50},
    }
    return AIMessage(content="hello", usage_metadata=usage)


def openrouter_chat(url: str) -> Any:
    from openrouter import OpenRouter

    return OpenRouter(api_key=KEY, server_url=url).chat.send(model="m", messages=HELLO)


def groq_chat(url: str) -> Any:
    from groq import Groq

    return Groq(api_key=KEY, base_url=url).chat.completions.create(model="m", messages=HELLO)


def together_chat(url: str) -> Any:
    from together import Together

    return Together(api_key=KEY, base_url=url).chat.completions.create(model="m", messages=HELLO)


def cerebras_chat(url: str) -> Any:
    from cerebras.cloud.sdk import Cerebras

    client = Cerebras(api_key=KEY, base_url=url, warm_tcp_connection=False)
    return client.chat.completions.create(model="m", messages=HELLO)


def perplexity_chat(url: str) -> Any:
    from perplexity import Perplexity

    return Perplexity(api_key=KEY, base_url=f"{url}/sonar").chat.completions.create(
        model="sonar", messages=HELLO
    )


def ollama_chat(url: str) -> Any:
    from ollama import Client

    return Client(host=url).chat(model="m", messages=HELLO)


def pydantic_ai(url: str) -> Any:
    from pydantic_ai.usage import RequestUsage

    return RequestUsage(
        input_tokens=3000, cache_read_tokens=1000, output_tokens=200, details={"reasoning_tokens": 50}
    )


def openai_agents(url: str) -> Any:
    from agents.usage import Usage as AgentsUsage
    from openai.types.responses.response_usage import InputTokensDetails, OutputTokensDetails

    return AgentsUsage(
        requests=1,
        input_tokens=3000,
        input_tokens_details=InputTokensDetails(cached_tokens=1000, cache_write_tokens=0),
        output_tokens=200,
        output_tokens_details=OutputTokensDetails(reasoning_tokens=50),
        total_tokens=3200,
    )


def claude_agent(url: str) -> Any:
    from claude_agent_sdk.types import ResultMessage

    models = {
        name: {
            "inputTokens": given,
            "outputTokens": told,
            "cacheReadInputTokens": 0,
            "cacheCreationInputTokens": 0,
        }
        for name, given, told in (("claude-sonnet", 60, 9), ("claude-haiku", 5, 7))
    }
    return ResultMessage(
        subtype="success",
        duration_ms=1,
        duration_api_ms=1,
        is_error=False,
        num_turns=1,
        session_id="s",
        usage={"input_tokens": 60, "output_tokens": 9},
        model_usage=models,
    )


def vercel_ai(url: str) -> Any:
    """As npm's package writes its JSON: it has no Python."""
    details = {"noCacheTokens": 2000, "cacheReadTokens": 1000, "cacheWriteTokens": 0}
    usage = {"inputTokens": 3000, "inputTokenDetails": details, "outputTokens": 200, "totalTokens": 3200}
    return {"usage": usage | {"outputTokenDetails": {"textTokens": 150, "reasoningTokens": 50}}}


SEARCHED = {"web_searches": 1}
LIVES = {
    "input_tokens": 500,
    "input_tokens{cache=read}": 1000,
    "input_tokens{cache=write}": 500,
    "input_tokens{cache=write,ttl=12h}": 1000,
    "output_tokens": 150,
    "output_tokens{kind=reasoning}": 50,
}
SDKS: dict[str, tuple[str, str | None, Callable[[str], Any], dict[str, int]]] = {
    "openai chat": ("openai", "openai.chat", openai_chat, CHAT_READ),
    "openai responses": ("openai", "openai.responses", openai_responses, LIVES | SEARCHED),
    "anthropic": ("anthropic", "anthropic.messages", anthropic_messages, CLAUDE_READ),
    "google-genai": (
        "google-genai",
        "gemini.generate",
        google_genai,
        {
            "input_tokens": 60,
            "input_tokens{cache=read}": 20,
            "output_tokens": 15,
            "output_tokens{kind=reasoning}": 25,
            "web_searches": 2,
        },
    ),
    "cohere": ("cohere", "cohere.chat", cohere_chat, {"input_tokens": 5, "output_tokens": 7}),
    "mistralai": ("mistralai", "mistral.chat", mistral_chat, CHAT_READ),
    "dashscope": (
        "dashscope",
        "dashscope",
        dashscope_generation,
        {
            "input_tokens": 36,
            "input_tokens{cache=read}": 64,
            "output_tokens": 15,
            "output_tokens{kind=reasoning}": 5,
        },
    ),
    "zai-sdk": ("zai-sdk", "zai.chat", zai_chat, CHAT_READ),
    "volcengine": ("volcengine-python-sdk", "ark.chat", ark_chat, CHAT_READ),
    "xai-sdk": (
        "xai-sdk",
        "xai.sdk",
        xai_sdk,
        {
            "input_tokens": 10,
            "output_tokens": 5,
            "output_tokens{kind=reasoning}": 20,
            "web_searches": 2,
            "x_searches": 1,
        },
    ),
    "litellm": ("litellm", "litellm", litellm_usage, CHAT_READ),
    "langchain-core": ("langchain-core", "langchain", langchain_message, CHAT_READ),
    "openrouter": ("openrouter", "openrouter.chat", openrouter_chat, CHAT_READ),
    "groq": ("groq", "groq.chat", groq_chat, CHAT_READ),
    "together": ("together", "together.chat", together_chat, CHAT_READ),
    "cerebras": ("cerebras-cloud-sdk", "cerebras.chat", cerebras_chat, CHAT_READ),
    "perplexity": (
        "perplexityai",
        "perplexity.chat",
        perplexity_chat,
        {
            "input_tokens": 108,
            "input_tokens{kind=citation}": 7299,
            "output_tokens": 3256,
            "output_tokens{kind=reasoning}": 73248,
            "web_searches": 74,
        },
    ),
    "ollama": ("ollama", "ollama", ollama_chat, {"input_tokens": 26, "output_tokens": 298}),
    "pydantic-ai": ("pydantic-ai-slim", "pydantic-ai", pydantic_ai, CHAT_READ),
    "openai-agents": ("openai-agents", "openai.agents", openai_agents, CHAT_READ),
    "claude-agent-sdk": (
        "claude-agent-sdk",
        "claude-agent",
        claude_agent,
        {
            "input_tokens{model=claude-sonnet}": 60,
            "output_tokens{model=claude-sonnet}": 9,
            "input_tokens{model=claude-haiku}": 5,
            "output_tokens{model=claude-haiku}": 7,
        },
    ),
    "ai (npm)": ("", "ai-sdk", vercel_ai, CHAT_READ),
}
"""Each SDK: its package, its shape, what calls it, and what its object must tell."""


def line_of(name: str, url: str, *, dump: bool) -> tuple[bool, str]:
    """Whether an SDK was read right, and the line that says so; one that is not installed is left out."""
    package, shape, call, right = SDKS[name]
    try:
        release = version(package) if package else "its JSON"
    except PackageNotFoundError:
        return True, f"{name}: not installed"
    try:
        answer = call(url)
    except Exception as error:  # an SDK may fail in any way
        return False, f"{name} {release}: the SDK failed: {type(error).__name__}: {str(error)[:200]}"
    if dump:
        print(answer)
    try:
        usage = read_usage(answer, shape)
        [whole] = merged([answer])
        again = read_usage(whole, shape)
    except TokenbillError as refusal:
        return not right, f"{name} {release}: refused: {refusal}"
    good = usage == again == Usage(right)
    return good, f"{name} {release} ({shape}): {'read' if good else 'READ WRONG'}: {usage}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SDKS)}; all by default")
    parser.add_argument("--dump", action="store_true", help="print what each SDK made of the answer")
    given = parser.parse_args()
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # nothing is fetched
    server = ThreadingHTTPServer(("127.0.0.1", 0), Stub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_address[1]}"
    results = [line_of(name, url, dump=given.dump) for name in given.names or SDKS]
    for good, line in results:
        print(line if good else f"! {line}")
    return 0 if all(good for good, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
