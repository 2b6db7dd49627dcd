"""Which notation a payload of the examples is in, by the provider and the API that they name."""

import re

import pytest

from tokenbill.payloads import SHAPES

HOSTS = {
    "google": "gemini",
    "aws": "bedrock",
    "amazon": "bedrock",
    "azure": "openai",
    "alibaba": "dashscope",
    "volcengine": "ark",
    "zhipu": "zai",
    "kimi": "moonshot",
    "baidu": "qianfan",
    "tencent": "hunyuan",
    "x-ai": "xai",
}
"""Providers that tokenbill calls by the name of their service."""
APIS = (
    *(("interaction", "interactions"), ("response", "responses"), ("converse", "converse")),
    *(("invoke", "invoke"), ("image", "images"), ("embed", "embeddings"), ("transcri", "transcription")),
    *(("realtime", "realtime"), ("rerank", "rerank"), ("classif", "classify"), ("ocr", "ocr")),
    *(("conversation", "conversations"), ("message", "messages"), ("generate", "generate")),
    *(("chat", "chat"), ("completion", "chat")),
)
"""How an API is called by the beginning of one of its words; the first that fits holds."""
AUTHORS = {"messages": "anthropic", "generate": "gemini", "interactions": "gemini", "converse": "bedrock"}
"""Whose notation the others took over; that of the rest is OpenAI's."""


def shape_of_api(provider, api):
    """The shape of a provider's API; the test fails where tokenbill knows none."""
    words, host = re.findall(r"[a-z0-9]+", api.lower()), HOSTS.get(provider.lower(), provider.lower())
    if "vertex" in words and "compatible" in words:
        return "vertex.openai"
    api_name = next((name for start, name in APIS if any(word.startswith(start) for word in words)), "chat")
    names = [api_name, "embed"] if api_name == "embeddings" else [api_name]
    author = AUTHORS.get(api_name, "openai")
    found = (f"{of}.{name}" for of in (host, author) for name in names)
    shape = next((shape for shape in found if shape in SHAPES), None)
    return shape or pytest.fail(f"no shape of tokenbill for {api!r} of {provider!r}")
