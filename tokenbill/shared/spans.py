"""Spans: attributes of OpenTelemetry GenAI spans as usage, under the names of today and of yesterday."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.errors import UnreadableInput
from tokenbill.shared.foreign_data import count, members_of, readable, text_of
from tokenbill.shared.token_counts import MODALITIES, TokenCounts, meters_of

__all__ = ["BILLED", "OPERATION", "USAGE", "is_billed", "read_otel"]

USAGE: Final = "gen_ai.usage."
OPERATION: Final = "gen_ai.operation.name"
BILLED: Final = ("chat", "text_completion", "generate_content", "embeddings")
"""The operations that a model is asked for; agents and workflows sum up those within them."""
OLD: Final = ("gen_ai.usage.prompt_tokens", "gen_ai.usage.completion_tokens")
"""What input and output tokens were called before."""
NEW: Final = ("gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens")

# What was read from a cache, written to it, or thought has had many names; all are parts of their whole.
NAMES: Final = {
    "input": ("input_tokens", "prompt_tokens"),
    "output": ("output_tokens", "completion_tokens"),
    "total": ("total_tokens",),
    "read": (
        *("cache_read.input_tokens", "cache_read_input_tokens", "cache_read_tokens", "cached_tokens"),
        *("input_tokens.cached", "input_cached_tokens", "details.cache_read_tokens", "details.cached_tokens"),
        *("details.cache_read_input_tokens", "details.cached_content_tokens"),
    ),
    "write": (
        *("cache_write.input_tokens", "cache_creation.input_tokens", "cache_creation_input_tokens"),
        *("cache_write_input_tokens", "cache_write_tokens", "cache_creation_tokens"),
        *("details.cache_write_tokens", "details.cache_creation_input_tokens"),
    ),
    "reasoning": (
        *(
            "reasoning.output_tokens",
            "reasoning_output_tokens",
            "reasoning_tokens",
            "output_tokens.reasoning",
        ),
        *("details.reasoning_tokens", "details.thoughts_tokens", "details.thinking_tokens"),
        "details.output_reasoning_tokens",
    ),
    **{
        f"{role}.{kind}": (f"{kind}.{name}_tokens", f"details.{name}_{kind}_tokens")
        for kind in ("text", *MODALITIES)
        for role, name in (("input", "input"), ("output", "output"))
    },
    **{
        f"read.{kind}": (f"{kind}.cache_read.input_tokens", f"details.cache_{kind}_read_tokens")
        for kind in ("text", *MODALITIES)
    },
}
CALLS: Final = {
    "web_searches": (
        "web_search_requests",
        "server_tool_use.web_search_requests",
        "details.web_search_requests",
    ),
    "web_fetches": ("web_fetch_requests", "server_tool_use.web_fetch_requests", "details.web_fetch_requests"),
}
ROLES: Final = {USAGE + name: role for role, names in NAMES.items() for name in names}
METERS: Final = {USAGE + name: meter for meter, names in CALLS.items() for name in names}
FREE: Final = frozenset(
    USAGE + name
    for name in (
        *("cost", "input_cost", "output_cost", "total_cost"),
        # of these the provider's own whole is a part of ours, under its name
        *("details.input_tokens", "details.output_tokens", "details.total_tokens"),
        *("details.accepted_prediction_tokens", "details.rejected_prediction_tokens", "details.text_tokens"),
        *(
            f"details.{kind}_{part}_tokens"
            for kind in ("text", *MODALITIES)
            for part in ("prompt", "candidates")
        ),
    )
)
"""What the provider charges is no usage, nor is what only repeats a count."""
LABELS: Final = {
    "model": ("gen_ai.response.model", "gen_ai.request.model"),
    "provider": ("gen_ai.provider.name", "gen_ai.system"),
}
"""The attributes of each label, best first: billed is the model that answered."""
TIERS: Final = (
    "gen_ai.openai.response.service_tier",
    "openai.response.service_tier",
    "gen_ai.response.service_tier",
)
STANDARD: Final = ("auto", "default", "standard", "on_demand", "")


@frozen
class Inclusive:
    """The conventions of spans: every part is inside its whole."""

    cache_outside: bool | None = False
    reasoning_outside: bool = False
    total_decides: bool = False
    total_covers: bool = True
    plain_output: str = "text"


CONVENTIONS: Final = Inclusive()


def is_billed(attributes: Mapping[Any, Any]) -> bool:
    """Whether a span is an inference, or does not say what it is; all others sum up those within them."""
    operation = attributes.get(OPERATION)
    return operation is None or (isinstance(operation, str) and str.__str__(operation) in BILLED)


def read_otel(attributes: Mapping[str, Any]) -> Usage:
    """The tokens that the attributes of an OpenTelemetry GenAI span tell, each in one meter.

    ``gen_ai.usage.input_tokens`` includes what was read from a cache or written to it, and
    ``gen_ai.usage.output_tokens`` the reasoning; here they are apart. So are modalities, which need not
    fill their whole. The model that answered and the provider become labels, and so does a service tier
    with a price of its own. Names that the conventions had before, and those of OpenLLMetry and
    pydantic-ai, are read too. Attributes beyond ``gen_ai.usage.`` are not read.

    Raises:
        UnreadableInput: If a count is no whole number of zero or more, a part is larger than its
            whole, the names are old and new at once, there are none, one is unknown, or a total is
            not their sum.

    Source: OpenTelemetry semantic conventions for generative AI, in development.

    >>> read_otel(
    ...     {
    ...         "gen_ai.usage.input_tokens": 500,
    ...         "gen_ai.usage.cache_read.input_tokens": 300,
    ...         "gen_ai.usage.output_tokens": 80,
    ...         "gen_ai.response.model": "m-1",
    ...     }
    ... )["input_tokens{model=m-1}"]
    Decimal('200')
    """
    members = members_of(attributes, "span's attributes")
    counts, calls = TokenCounts(), dict[str, int]()
    # instrumentation that sends both for a while may count them differently; added up they would be double
    if any(key in members for key in OLD) and any(key in members for key in NEW):
        old = next(key for key in OLD if key in members)
        raise UnreadableInput("old and new names at once", old, f"send {NEW[0]} and {NEW[1]} alone")
    for key, value in members.items():
        if not isinstance(key, str) or not key.startswith(USAGE) or key in FREE:
            continue
        if key in ROLES:
            counts.add(
                ROLES[key], readable(_count, value, key, "send a whole number of 0 or more, below 10^30"), key
            )
        elif key in METERS:
            calls[METERS[key]] = readable(_count, value, key, "send a whole number of 0 or more, below 10^30")
        else:
            # an attribute nobody knows may be what the provider charges most for
            way_out = "leave it out if it is no usage of its own"
            raise UnreadableInput("an unknown attribute of usage", str.__str__(key), way_out)
    if "input" not in counts and "output" not in counts:
        parts = min(counts.keys.values(), default=None)
        raise UnreadableInput("a span without usage", parts, f"pass those that have {NEW[0]}")
    found = {label: _best(members, keys) for label, keys in LABELS.items()}
    tier = _best(members, TIERS)
    labels = {label: value for label, value in found.items() if value is not None}
    # a tier without a price of its own would split a meter in two that cost the same
    variant = {} if tier is None or tier.lower() in STANDARD else {"variant": tier.lower()}
    tokens = list[tuple[Meter, int]]()
    for key, quantity in meters_of(counts, CONVENTIONS).items():
        meter = Meter(key)
        tokens.append((Meter(meter, labels if "variant" in meter.labels else variant | labels), quantity))
    return Usage([*tokens, *((Meter(meter, labels), times) for meter, times in calls.items())])


def _count(value: object) -> int:
    return count(value, "it")


def _best(members: Mapping[Any, Any], keys: tuple[str, ...]) -> str | None:
    """The first of these attributes that is there."""
    return next((text_of(members, key) for key in keys if members.get(key) is not None), None)
