"""How each API writes what was used: the inverse of reading it, made from disjoint meters."""

from collections import Counter
from decimal import Decimal

from tokenbill import Meter

TEXT, READ, OUT = "input_tokens", "input_tokens{cache=read}", "output_tokens"
WRITE, WRITE_1H = "input_tokens{cache=write}", "input_tokens{cache=write,ttl=1h}"
REASONING = "output_tokens{kind=reasoning}"
AUDIO, IMAGE, VIDEO = (f"input_tokens{{modality={modality}}}" for modality in ("audio", "image", "video"))
READ_AUDIO, READ_IMAGE, READ_VIDEO = (
    f"input_tokens{{cache=read,modality={modality}}}" for modality in ("audio", "image", "video")
)
OUT_AUDIO, OUT_IMAGE = (f"output_tokens{{modality={modality}}}" for modality in ("audio", "image"))


def chat(used):
    """OpenAI's: caches and reasoning inside their wholes."""
    return {
        "prompt_tokens": sum_of(used, TEXT, READ, WRITE, AUDIO, IMAGE, VIDEO),
        "completion_tokens": sum_of(used, OUT, REASONING, OUT_AUDIO, OUT_IMAGE),
        "total_tokens": tokens(used),
        "prompt_tokens_details": {
            "cached_tokens": used[READ],
            "cache_write_tokens": used[WRITE],
            "audio_tokens": used[AUDIO],
            "image_tokens": used[IMAGE],
            "video_tokens": used[VIDEO],
        },
        "completion_tokens_details": {
            "reasoning_tokens": used[REASONING],
            "audio_tokens": used[OUT_AUDIO],
            "image_tokens": used[OUT_IMAGE],
        },
    }


def deepseek(used):
    payload = chat(used)
    miss = payload["prompt_tokens"] - used[READ] - used[WRITE]
    return payload | {"prompt_cache_hit_tokens": used[READ], "prompt_cache_miss_tokens": miss}


def openrouter(used):
    searches = {"web_search_requests": used["web_searches"]}
    return chat(used) | {"cost": Decimal("0.01"), "is_byok": False, "server_tool_use": searches}


def groq(used):
    return chat(used) | {"queue_time": 0.04, "prompt_time": 0.002, "completion_time": 1.5, "total_time": 2}


def mistral(used):
    """Cached tokens in three places, all the same."""
    cached = {"num_cached_tokens": used[READ], "prompt_token_details": {"cached_tokens": used[READ]}}
    return chat(used) | cached | {"prompt_audio_seconds": used["audio_seconds"], "request_count": 1}


def together(used):
    return chat(used) | {"cached_tokens": used[READ]}


def reasoning_outside(used):
    payload = chat(used)
    return payload | {"completion_tokens": payload["completion_tokens"] - used[REASONING]}


def xai(used):
    return reasoning_outside(used) | {"num_sources_used": used["web_searches"], "cost_in_usd_ticks": 37}


def responses(used):
    return {
        "input_tokens": sum_of(used, TEXT, READ, WRITE),
        "input_tokens_details": {"cached_tokens": used[READ], "cache_write_tokens": used[WRITE]},
        "output_tokens": sum_of(used, OUT, REASONING),
        "output_tokens_details": {"reasoning_tokens": used[REASONING]},
        "total_tokens": tokens(used),
    }


def realtime(used):
    return {
        "input_tokens": sum_of(used, TEXT, READ, AUDIO, READ_AUDIO, IMAGE, READ_IMAGE),
        "input_token_details": {
            "text_tokens": sum_of(used, TEXT, READ),
            "audio_tokens": sum_of(used, AUDIO, READ_AUDIO),
            "image_tokens": sum_of(used, IMAGE, READ_IMAGE),
            "cached_tokens": sum_of(used, READ, READ_AUDIO, READ_IMAGE),
            "cached_tokens_details": {
                "text_tokens": used[READ],
                "audio_tokens": used[READ_AUDIO],
                "image_tokens": used[READ_IMAGE],
            },
        },
        "output_tokens": sum_of(used, OUT, OUT_AUDIO),
        "output_token_details": {"text_tokens": used[OUT], "audio_tokens": used[OUT_AUDIO]},
        "total_tokens": tokens(used),
    }


def embeddings(used):
    return {"prompt_tokens": used[TEXT], "total_tokens": used[TEXT]}


def images(used):
    return {
        "input_tokens": sum_of(used, TEXT, IMAGE),
        "input_tokens_details": {"text_tokens": used[TEXT], "image_tokens": used[IMAGE]},
        "output_tokens": sum_of(used, OUT, OUT_IMAGE),
        "output_tokens_details": {"text_tokens": used[OUT], "image_tokens": used[OUT_IMAGE]},
        "total_tokens": tokens(used),
    }


def transcription(used):
    return {
        "type": "tokens",
        "input_tokens": sum_of(used, TEXT, AUDIO),
        "input_token_details": {"text_tokens": used[TEXT], "audio_tokens": used[AUDIO]},
        "output_tokens": used[OUT],
        "total_tokens": tokens(used),
    }


def seconds(used):
    return {"type": "duration", "seconds": used["audio_seconds"]}


def anthropic(used):
    """Caches beside the input, no total."""
    return {
        "input_tokens": used[TEXT],
        "cache_read_input_tokens": used[READ],
        "cache_creation_input_tokens": sum_of(used, WRITE, WRITE_1H),
        "cache_creation": {
            "ephemeral_5m_input_tokens": used[WRITE],
            "ephemeral_1h_input_tokens": used[WRITE_1H],
        },
        "output_tokens": sum_of(used, OUT, REASONING),
        "output_tokens_details": {"thinking_tokens": used[REASONING]},
        "server_tool_use": {
            "web_search_requests": used["web_searches"],
            "web_fetch_requests": used["web_fetches"],
        },
        "service_tier": "standard",
        "inference_geo": "global",
    }


def gemini(used):
    """Thoughts beside the answer, lists by modality, no key for what counts 0."""
    prompt = [TEXT, READ, AUDIO, READ_AUDIO, IMAGE, READ_IMAGE, VIDEO, READ_VIDEO]
    counts = {
        "promptTokenCount": sum_of(used, *prompt),
        "cachedContentTokenCount": sum_of(used, READ, READ_AUDIO, READ_IMAGE, READ_VIDEO),
        "candidatesTokenCount": sum_of(used, OUT, OUT_AUDIO, OUT_IMAGE),
        "thoughtsTokenCount": used[REASONING],
        "totalTokenCount": tokens(used),
    }
    lists = {
        "promptTokensDetails": {
            "TEXT": sum_of(used, TEXT, READ),
            "AUDIO": sum_of(used, AUDIO, READ_AUDIO),
            "IMAGE": sum_of(used, IMAGE, READ_IMAGE),
            "VIDEO": sum_of(used, VIDEO, READ_VIDEO),
        },
        "cacheTokensDetails": {
            "AUDIO": used[READ_AUDIO],
            "IMAGE": used[READ_IMAGE],
            "VIDEO": used[READ_VIDEO],
        },
        "candidatesTokensDetails": {"AUDIO": used[OUT_AUDIO], "IMAGE": used[OUT_IMAGE]},
    }
    listed = {key: by_modality(parts) for key, parts in lists.items()}
    return {key: value for key, value in {**counts, **listed}.items() if value} or {"promptTokenCount": 0}


def by_modality(parts):
    return [{"modality": modality, "tokenCount": count} for modality, count in parts.items() if count]


def converse(used):
    """Every cache count twice, caches beside the input but inside the total."""
    return {
        "inputTokens": used[TEXT],
        **dict.fromkeys(("cacheReadInputTokens", "cacheReadInputTokenCount"), used[READ]),
        **dict.fromkeys(
            ("cacheWriteInputTokens", "cacheWriteInputTokenCount"), sum_of(used, WRITE, WRITE_1H)
        ),
        "cacheDetails": [
            {"inputTokens": used[WRITE], "ttl": "5m"},
            {"inputTokens": used[WRITE_1H], "ttl": "1h"},
        ],
        "outputTokens": used[OUT],
        "totalTokens": tokens(used),
        "serverToolUsage": {},
    }


def cohere(used):
    return {
        "billed_units": {"input_tokens": used[TEXT], "output_tokens": used[OUT]},
        "tokens": {"input_tokens": used[TEXT] + 50, "output_tokens": used[OUT] + 2},
        "cached_tokens": 48,
    }


def sum_of(used, *meters):
    return sum(used[meter] for meter in meters)


def tokens(used):
    return sum(quantity for meter, quantity in used.items() if Meter(meter).name.endswith("_tokens"))


ANSWERED = (OUT, REASONING, OUT_AUDIO, OUT_IMAGE)
CHAT_CELLS = (TEXT, READ, WRITE, AUDIO, IMAGE, VIDEO, *ANSWERED)
WRITERS = {
    "openai.chat": (chat, CHAT_CELLS),
    "openai.responses": (responses, (TEXT, READ, WRITE, OUT, REASONING)),
    "openai.realtime": (realtime, (TEXT, READ, AUDIO, READ_AUDIO, IMAGE, READ_IMAGE, OUT, OUT_AUDIO)),
    "openai.embeddings": (embeddings, (TEXT,)),
    "openai.images": (images, (TEXT, IMAGE, OUT, OUT_IMAGE)),
    "openai.transcription": (transcription, (TEXT, AUDIO, OUT)),
    "anthropic.messages": (
        anthropic,
        (TEXT, READ, WRITE, WRITE_1H, OUT, REASONING, "web_searches", "web_fetches"),
    ),
    "gemini.generate": (
        gemini,
        (TEXT, READ, AUDIO, READ_AUDIO, IMAGE, READ_IMAGE, VIDEO, READ_VIDEO, *ANSWERED),
    ),
    "bedrock.converse": (converse, (TEXT, READ, WRITE, WRITE_1H, OUT)),
    "openrouter.chat": (openrouter, (*CHAT_CELLS, "web_searches")),
    "deepseek.chat": (deepseek, CHAT_CELLS),
    "groq.chat": (groq, CHAT_CELLS),
    "cerebras.chat": (chat, CHAT_CELLS),
    "mistral.chat": (mistral, (*CHAT_CELLS, "audio_seconds")),
    "zai.chat": (chat, CHAT_CELLS),
    "together.chat": (together, CHAT_CELLS),
    "xai.chat": (xai, (*CHAT_CELLS, "web_searches")),
    "vertex.openai": (reasoning_outside, CHAT_CELLS),
    "cohere.chat": (cohere, (TEXT, OUT)),
}
"""How each API writes what was used, and which meters it can tell apart."""


def example(shape):
    """A payload in which every meter has another number."""
    write, cells = WRITERS[shape]
    return write(Counter({meter: 10**place + 7 for place, meter in enumerate(cells)}))
