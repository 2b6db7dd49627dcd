"""Payloads: what a provider's response says was used, as usage in meters that share no token."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from tokenbill.core.base.inputs import is_mapping, name
from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import number
from tokenbill.errors import InvalidName, InvalidNumber, UnreadableInput
from tokenbill.payloads.counts import Counts, meters_of
from tokenbill.payloads.objects import (
    complete,
    counted,
    fits,
    key_of,
    listed_in,
    members_of,
    text_of,
    variants_of,
)
from tokenbill.payloads.shapes import SHAPES, VOCABULARIES, Shape
from tokenbill.shared.foreign_data import telling

__all__ = ["SHAPES", "read_cost", "read_usage", "shape_of"]

ENVELOPES = ("usage", "usageMetadata", "usage_metadata", "meta")
"""The keys of a response under which its usage object may stand."""
ROUNDS = ("message", "compaction", "advisor_message")
"""The iterations of a request; its own counts hold the messages and none of the others."""
OWN_ROUNDS = ("message", "compaction")
"""Iterations of a request that its own model worked on."""
WHOLES = ("input_tokens", "input_tokens{cache=read}", "input_tokens{cache=write}", "output_tokens")
"""What the messages among the iterations and the request's own counts must agree on."""
PARTS = {"input_tokens{cache=write,ttl=1h}": "write.1h", "output_tokens{kind=reasoning}": "reasoning"}
"""What only one of the two may tell, and the role under which the own counts tell it."""


def read_usage(
    payload: Mapping[str, Any], shape: str | None = None, *, labels: Mapping[str, str] | None = None
) -> Usage:
    """The usage in a provider's usage object, or in the whole response that holds one.

    Every token is counted in exactly one meter, and the meters add up to the payload's own total.
    Of a whole response the billed calls among its ``output`` items are counted, too.
    A service tier with a price of its own is the label ``variant`` of all tokens.

    Args:
        payload: The parsed JSON.
        shape: The API that wrote it, such as ``"openai.chat"``; without it the keys must leave no doubt.
        labels: Labels for every meter, such as ``{"model": "gpt-5.1"}``; what a meter has, it keeps.

    Raises:
        UnreadableInput: If the shape is unknown or open, a count is missing, null, negative, no integer
            or not known, a part is larger than its whole, or the total is another. Numbers and names of
            keys are shown, no text of the payload.
        InvalidNumber: If a count is 10^30 or more.
        InvalidMeter: If a label has no fit name.
        InvalidName: If the value of a label is no text of 1 to 255 fit characters.

    Source: docs/how-to/read-provider-payloads.md

    >>> read_usage({"prompt_tokens": 900, "completion_tokens": 250, "total_tokens": 1150,
    ...             "prompt_tokens_details": {"cached_tokens": 640}}, "openai.chat")
    Usage({'input_tokens': 260, 'input_tokens{cache=read}': 640, 'output_tokens': 250})
    """
    usage, response = _located(payload)
    found = _shape(usage, shape)
    counts, variants = counted(usage, found)
    meters = _with_rounds(counts, usage, response, found) + _items(response, found)
    if variants := variants | _tiers_of(response):
        meters = _labelled(_tokens(meters), {"variant": _one_of(variants)}) + _calls(meters)
    return meters if labels is None else _labelled(meters, labels)


def read_cost(payload: Mapping[str, Any]) -> Decimal | None:
    """What the provider says that the request cost, in its own currency; None where it does not say.

    That is no usage and is not billed, for it may hold fees outside every count: compare a bill with it.

    Raises:
        UnreadableInput: If it is a float, which is not exact, or no amount of 0 or more.

    >>> import json
    >>> text = '{"usage": {"prompt_tokens": 31, "completion_tokens": 80, "cost": 0.00216775}}'
    >>> read_cost(json.loads(text, parse_float=Decimal))
    Decimal('0.00216775')
    """
    cost = _located(payload)[0].get("cost")
    if cost is None:
        return None
    try:
        amount = number(cost)
    except InvalidNumber:
        raise _no_cost(cost) from None
    if amount < 0:
        raise UnreadableInput("a negative cost", amount, "a cost is an amount of 0 or more")
    return amount


def _no_cost(cost: object) -> UnreadableInput:
    if isinstance(cost, float):
        way_out = "parse the JSON with json.loads(…, parse_float=Decimal)"
        return UnreadableInput("no exact cost", telling(cost), way_out)
    return UnreadableInput("no cost", telling(cost), "a cost is an amount of 0 or more")


def shape_of(payload: Mapping[str, Any]) -> str:
    """The one shape that has all keys of a payload.

    Raises:
        UnreadableInput: If several shapes have them, or none.

    >>> shape_of({"promptTokenCount": 50, "candidatesTokenCount": 15})
    'gemini.generate'
    """
    return _shape(_located(payload)[0], None).name


def _located(payload: object) -> tuple[dict[str, Any], dict[str, Any]]:
    """The usage object, and the response around it, which is empty where it came alone."""
    members = members_of(payload, "payload")
    if not members.keys() & ENVELOPES and is_mapping(members.get("response")):
        members = members_of(members["response"], "response")  # so wrapped in the last event of a stream
    _check_streamed(members)
    for key in ENVELOPES:
        if key in members:
            return members_of(members[key], key), members
    return members, {}


def _check_streamed(members: dict[str, Any]) -> None:
    """Refuse what a stream sends before its last counts."""
    if "usage" in members and members["usage"] is None:
        way_out = "only the last chunk of a stream has it; leave the others out"
        raise UnreadableInput("no usage in the response", None, way_out)
    if text_of(members.get("type")) == "message_start":
        way_out = "read the usage of the last message_delta, with the cache_creation of this event"
        raise UnreadableInput("the first counts of a stream, of type", "message_start", way_out)


def _shape(usage: dict[str, Any], shape: object) -> Shape:
    spoken = [names for names in VOCABULARIES if usage.keys() & names]
    if len(spoken) > 1:
        both = " and ".join(next(key for key in names if key in usage) for names in spoken)
        raise UnreadableInput("two vocabularies at once", both, "give the object as one API wrote it")
    if shape is not None:
        return _named(usage, shape)
    fitting = [one for alike in SHAPES.values() for one in alike if fits(usage, one)]
    if len(fitting) != 1:
        what = "several shapes have these keys" if fitting else "no shape has all of these keys"
        names = ", ".join([one.name for one in fitting] or SHAPES)
        keys = ", ".join(map(key_of, usage)) or None
        raise UnreadableInput(what, keys, f"name the one of the API: {names}")
    return fitting[0]


def _named(usage: dict[str, Any], shape: object) -> Shape:
    """The shape of a name; of two under one name that which has the counts."""
    alike = SHAPES.get(text_of(shape))
    if alike is None:
        raise UnreadableInput("no known shape", shape, f"name one of {', '.join(SHAPES)}")
    return next((one for one in alike if complete(usage, one)), alike[0])


def _tiers_of(response: dict[str, Any]) -> set[str]:
    """OpenAI writes ``service_tier`` beside the usage, Bedrock an object ``serviceTier`` with a type."""
    bedrock = response.get("serviceTier")
    kind = members_of(bedrock, "serviceTier").get("type") if is_mapping(bedrock) else bedrock
    return variants_of(response.get("service_tier"), "service_tier") | variants_of(kind, "serviceTier")


def _one_of(variants: set[str]) -> str:
    if len(variants) > 1:
        raise UnreadableInput(
            "two service tiers at once", " and ".join(sorted(variants)), "give the one that was billed"
        )
    return min(variants)


def _items(response: dict[str, Any], shape: Shape) -> Usage:
    """The calls among a response's items; all that ran in one container is one session of code."""
    output, found = response.get("output"), set[tuple[str, object]]()
    for place, item in enumerate(listed_in(output, "output") if shape.items else ()):
        members = members_of(item, "output")
        meter = shape.items.get(text_of(members.get("type")))
        if meter is not None:
            container = text_of(members.get("container_id")) if meter == "code_sessions" else ""
            found.add((meter, container or place))
    return Usage([(meter, 1) for meter, _ in found])


def _with_rounds(counts: Counts, members: dict[str, Any], response: dict[str, Any], shape: Shape) -> Usage:
    """The tokens of every round, where a request took several: the object itself leaves some out."""
    usage, model = Usage(meters_of(counts, shape)), text_of(response.get("model"))
    listed = listed_in(members.get(shape.rounds or ""), "iterations")
    rounds = [_round(members_of(one, "iterations"), model, shape) for one in listed]
    messages = [tokens for kind, tokens in rounds if kind == "message"]
    others = [tokens for kind, tokens in rounds if kind != "message"]
    own = _tokens(usage)
    if messages:
        advised = any(kind == "advisor_message" for kind, _ in rounds)
        own = _answered(own, messages, counts, advised=advised)
    return sum(others, own + _calls(usage))


def _round(members: dict[str, Any], own: str, shape: Shape) -> tuple[str, Usage]:
    """The kind of a round, and its tokens, with the label ``model`` if another model worked on it."""
    model, kind = members.pop("model", None), text_of(members.pop("type", None))
    if kind not in ROUNDS:
        known = ", ".join(ROUNDS)
        raise UnreadableInput("an iteration that is none of", known, "price this request by hand")
    tokens, ours = _tokens(Usage(meters_of(counted(members, shape)[0], shape))), kind in OWN_ROUNDS
    if model is None and ours:
        return kind, tokens
    try:
        other = name(model, what="model")
    except InvalidName:
        way_out = "price this request by hand"
        raise UnreadableInput("an iteration whose model is", telling(model), way_out) from None
    same = other == own or (ours and not own)
    return kind, tokens if same else _labelled(tokens, {"model": other})


def _answered(own: Usage, messages: list[Usage], counts: Counts, *, advised: bool) -> Usage:
    """The tokens of the messages, as they or the request's own counts tell them, whichever tell more."""
    summed = sum(messages, Usage())
    _check_rounds(own, messages, summed, advised=advised)
    whole = all(own.total(meter) == summed.total(meter) for meter in WHOLES)
    more = [part for part in PARTS if own.total(part) < summed.total(part)]
    less = [part for part in PARTS if own.total(part) > summed.total(part)]
    models = {meter.labels.get("model", "") for meter in summed}
    told = [part for part in more if whole and PARTS[part] in counts]  # both tell, and not the same
    if not less and not told:
        return summed
    if more or not whole or len(models) > 1:
        raise _not_equal((less + told)[0], own, summed)
    return own if models == {""} else _labelled(own, {"model": min(models)})


def _check_rounds(own: Usage, messages: list[Usage], summed: Usage, *, advised: bool) -> None:
    """The messages make the own counts; of an advised request the own input may be that of the first."""
    for meter in WHOLES:
        first = advised and meter != "output_tokens" and own.total(meter) == messages[0].total(meter)
        if own.total(meter) != summed.total(meter) and not first:
            raise _not_equal(meter, own, summed)


def _not_equal(meter: str, own: Usage, summed: Usage) -> UnreadableInput:
    return UnreadableInput(
        f"the message iterations add up to {summed.total(meter)} {meter}, but the request's own are",
        own.total(meter),
        "give the object as the API wrote it, or price this request by hand",
    )


def _tokens(usage: Usage) -> Usage:
    return Usage({meter: usage[meter] for meter in usage if meter.name.endswith("_tokens")})


def _calls(usage: Usage) -> Usage:
    return usage - _tokens(usage)


def _labelled(usage: Usage, labels: Mapping[str, str]) -> Usage:
    """The usage with labels on every meter; what a meter has, it keeps."""
    if not is_mapping(labels):
        way_out = 'give names and values: {"model": "gpt-5.1"}'
        raise UnreadableInput("labels that are no mapping", labels, way_out)
    given = members_of(labels, "labels")
    if not given:
        return usage
    more = {meter: {key: given[key] for key in given if key not in meter.labels} for meter in usage}
    return Usage([(Meter(meter, more[meter]), usage[meter]) for meter in usage])
