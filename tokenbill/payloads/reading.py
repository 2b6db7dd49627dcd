"""Reading: from one payload to its usage, by a shape that is named or that its keys leave no doubt of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tokenbill.core.metering.meters import Meter
from tokenbill.core.metering.usage import Usage
from tokenbill.errors import TokenbillError, UnreadableInput
from tokenbill.payloads.counts import counted
from tokenbill.payloads.labels import answering, by_label, labelled, model_of
from tokenbill.payloads.objects import (
    counts_something,
    is_empty,
    is_object,
    key_of,
    members_of,
    text_of,
)
from tokenbill.payloads.rounds import with_rounds
from tokenbill.payloads.shapes import VOCABULARIES, Field, Kind, Shape
from tokenbill.payloads.table import EVERY, SHAPES
from tokenbill.shared.foreign_data import count
from tokenbill.shared.token_counts import meters_of

__all__ = ["located", "read_usage", "shape_of"]

ENVELOPES: Final = (
    *("usage", "usageMetadata", "usage_metadata", "Usage", "token_usage", "meta"),
    "amazon-bedrock-invocationMetrics",
)
"""The keys of a response under which its usage object may stand."""
WRAPPERS: Final = ("response", "result", "body", "Response")
"""The keys under which the whole response may stand: in an event of a stream, of a gateway, of a batch."""
INNER: Final = ("message", "delta", "metadata", "interaction", "data", "item")
"""The keys of an event, or of a row, whose object is the answer where it has a usage object."""
RESULTS: Final = "results"
"""The list of one under which some hosts put an answer with its counts."""
MOST: Final = 14
"""Most names of shapes that an error lists."""
PIECES: Final = ("message_start",)
TOTALS: Final = ("total_tokens", "totalTokens", "totalTokenCount", "total_token_count", "TotalTokens")


def read_usage(
    payload: Any, shape: str | None = None, *, labels: Mapping[str, str] | bool | None = None
) -> Usage:
    """The usage in a provider's usage object, or in the whole response that holds one.

    Every token is counted in exactly one meter, and the meters add up to the payload's own total.
    Of a whole response what it charges beside its tokens is counted, too: searches, tools, images.
    What changes the price of the tokens is a label of theirs, such as ``variant`` for a service tier.

    Args:
        payload: The parsed JSON, or the SDK's own object.
        shape: The API that wrote it, such as ``"openai.chat"``; without it the keys must leave no doubt,
            or all shapes that have them must give the same usage.
        labels: Labels for every meter, such as ``{"model": "gpt-5.1"}``; what a meter has, it keeps.
            True takes ``model`` and ``provider`` as the response names them.

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
    usage, response = located(payload)
    found = _by_name(usage, shape) if shape is not None else None
    meters = _usage(usage, response, found) if found is not None else _agreed(usage, response)
    if labels is None or labels is False:
        return meters
    return _carrying(meters, answering(response)) if labels is True else labelled(meters, labels)


def shape_of(payload: Any) -> str:
    """The one shape that has all keys of a payload.

    Raises:
        UnreadableInput: If several shapes have them, or none.

    >>> shape_of({"promptTokenCount": 50, "candidatesTokenCount": 15})
    'gemini.generate'
    """
    usage, _ = located(payload)
    fitting = list(dict.fromkeys(one.name for one in _fitting(usage)))
    if len(fitting) > 1:
        keys = ", ".join(map(key_of, usage))
        raise UnreadableInput(
            "several shapes have these keys", keys, f"name the one of the API: {_named(fitting)}"
        )
    return fitting[0]


def located(payload: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The usage object, and the response around it, which is empty where it came alone."""
    members, key = enclosing(members_of(payload, "payload"))
    if key is not None:
        return _enclosed(members, key)
    if text_of(members.get("type")) in PIECES:
        raise UnreadableInput("the first counts of a stream, of type", "message_start", MERGE)
    return members, {}


def enclosing(members: dict[str, Any]) -> tuple[dict[str, Any], str | None]:
    """The response that has a usage object, and its key there; without one what stands innermost."""
    for _ in WRAPPERS:
        key = next((key for key in ENVELOPES if key in members), None)
        if key is not None:
            return members, key
        inner = next((key for key in WRAPPERS if is_object(members.get(key))), None) or _inner(members)
        alone = None if inner is not None else _alone(members.get(RESULTS))
        if inner is not None:
            members = members_of(members[inner], inner)
        elif alone is not None:
            model: dict[str, Any] = {key: members[key] for key in ("model_id", "model") if key in members}
            return {**model, RESULTS: alone}, RESULTS
        else:
            break
    return members, None


MERGE: Final = "give the events of the stream to payloads.merged, and read what it gives"


def _alone(listed: Any) -> Any:
    """The only item of a list of results, if it is an object."""
    items: list[Any] = listed
    return items[0] if type(items) is list and len(items) == 1 and is_object(items[0]) else None


def _inner(members: dict[str, Any]) -> str | None:
    """The member that holds an answer; the first event of a stream has counts that are none yet."""
    if text_of(members.get("type")) in PIECES:
        return None
    held = ((key, members[key]) for key in INNER if is_object(members.get(key)))
    return next(
        (key for key, value in held if any(name in members_of(value, key) for name in ENVELOPES)), None
    )


def _enclosed(members: dict[str, Any], key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The usage object under a key; what a stream sends before its last counts is refused."""
    if key == "usage" and members[key] is None:
        way_out = (
            "only the last chunk of a stream has it; leave the others out, or give all to payloads.merged"
        )
        raise UnreadableInput("no usage in the response", None, way_out)
    usage, kind = members_of(members[key], key), members.get("type")
    if type(kind) is str and kind.startswith("message_"):
        if kind in PIECES:
            raise UnreadableInput("the first counts of a stream, of type", "message_start", MERGE)
        written = usage.get("cache_creation_input_tokens")
        if written is not None and is_empty(usage.get("cache_creation")):
            held = count(written, "cache_creation_input_tokens")
            if held:
                what = "a message_delta does not say how long its cache lives, which holds"
                raise UnreadableInput(what, held, MERGE)
    return usage, members


def _by_name(usage: dict[str, Any], name: object) -> Shape:
    """The shape of a name; of several under one name that which has the keys, or the counts."""
    # one API may write its usage in two ways, of which the keys tell
    alike = SHAPES.get(text_of(name))
    if alike is None:
        raise UnreadableInput(
            "not a known shape", name, f"name one of {_named([*SHAPES], near=text_of(name))}"
        )
    _check_vocabulary(usage)
    if len(alike) == 1:
        return alike[0]
    fitting = [one for one in alike if _fits(usage, one, marked=False)]
    return next((one for one in (*fitting, *alike) if _complete(usage, one)), alike[0])


def _named(names: list[str], *, near: str = "") -> str:
    """Names of shapes, as many as an error has room for, those near to what was written first."""
    from difflib import get_close_matches  # only an error needs it

    close = get_close_matches(near[:MOST], names, n=3)
    first = list(dict.fromkeys([*close, *names]))
    more = f" and {len(first) - MOST} more of payloads.SHAPES" if len(first) > MOST else ""
    return ", ".join(first[:MOST]) + more


def _check_vocabulary(usage: dict[str, Any]) -> None:
    spoken = None
    for names in VOCABULARIES:
        if names[0] in usage or names[1] in usage:
            if spoken is not None:
                both = " and ".join(next(key for key in each if key in usage) for each in (spoken, names))
                raise UnreadableInput("two vocabularies at once", both, "give the object as one API wrote it")
            spoken = names


def _agreed(usage: dict[str, Any], response: dict[str, Any]) -> Usage:
    """What all shapes say that have the keys; where they differ, the API must be named.

    A total that contradicts a shape says that another API wrote it; without one, a shape that refuses
    the counts leaves the others in doubt.
    """
    fitting = _fitting(usage)
    agreed, refusals = _readings(usage, response, fitting)
    if agreed is None and response:
        # What stands beside the usage says more: a shape that does not know it would leave it out.
        known = [sum(response.get(key) is not None for key in one.beside) for one in fitting]
        closest = [one for one, keys in zip(fitting, known, strict=True) if keys == max(known)]
        agreed, refusals = _readings(usage, response, closest)
    if agreed is None and len(refusals) == len(fitting):
        raise refusals[0]
    if agreed is None:
        names = _named(list(dict.fromkeys(one.name for one in fitting)))
        keys = ", ".join(map(key_of, usage))
        raise UnreadableInput("several shapes have these keys", keys, f"name the one of the API: {names}")
    return agreed


def _readings(
    usage: dict[str, Any], response: dict[str, Any], shapes: list[Shape]
) -> tuple[Usage | None, list[TokenbillError]]:
    """What these shapes say with one voice, or None; and why some refuse the counts."""
    read, refusals = list[Usage](), list[TokenbillError]()
    for one in shapes:
        try:
            read.append(_usage(usage, response, one, named=False))
        except TokenbillError as refusal:
            refusals.append(refusal)
    # a total that fits rules out the shapes that refuse it
    decided = any(usage.get(key) is not None for key in TOTALS)
    open_ = not read or any(each != read[0] for each in read) or (bool(refusals) and not decided)
    return (None if open_ else read[0]), refusals


def _fitting(usage: dict[str, Any]) -> list[Shape]:
    """The shapes that have every key of an object, and the object every count that they need."""
    _check_vocabulary(usage)
    fitting = [one for one in EVERY if _fits(usage, one) and _complete(usage, one)]
    if fitting:
        return fitting
    known = {key for one in EVERY for key in one.named_fields}
    # first what no shape knows: most often a new key, and the reason
    strange = [key for key in usage if key not in known]
    keys = ", ".join(map(key_of, [*strange, *(key for key in usage if key in known)])) or None
    what = "no shape has the first of these keys" if strange else "no shape has all of these keys"
    raise UnreadableInput(what, keys, f"name the one of the API: {_named([*SHAPES])}")


def _fits(usage: dict[str, Any], shape: Shape, *, marked: bool = True) -> bool:
    """Whether a shape has every key of the object, and one of its marks is there."""
    if marked and shape.marks and not any(_holds(usage, path) for path in shape.marks):
        return False
    return _known(usage, shape.fields, flat=shape.flat)


def _holds(usage: dict[str, Any], path: str) -> bool:
    first, _, rest = path.partition(".")
    value = usage.get(first)
    if not rest:
        return value is not None
    return is_object(value) and _holds(members_of(value, first), rest)


def _known(members: dict[str, Any], fields: Mapping[str, Field], *, flat: bool) -> bool:
    for key, value in members.items():
        known = fields.get(key)
        if known is None:
            if not is_empty(value) and (not flat or counts_something({key: value})):
                return False
        elif (
            known.kind == Kind.GROUP
            and is_object(value)
            and not _known(members_of(value, key), known.rule, flat=flat)
        ) or (known.kind == Kind.COUNT and is_object(value)):
            return False
    return True


def _complete(usage: dict[str, Any], shape: Shape) -> bool:
    """Whether the object has counts of the shape, with all those that the shape needs."""
    found = {role for path, role in shape.counts.items() if _stands(usage, path)}
    listed = any(_stands(usage, path) for path in shape.rules)
    return bool(found or listed) and found.issuperset(shape.required)


def _stands(usage: dict[str, Any], path: str) -> bool:
    first, _, rest = path.partition(".")
    if first not in usage:
        return False
    return not rest or (is_object(usage[first]) and _stands(members_of(usage[first], first), rest))


def _usage(usage: dict[str, Any], response: dict[str, Any], shape: Shape, *, named: bool = True) -> Usage:
    """The usage by one shape: its tokens, what its response charges beside them, and their labels."""
    counts = counted(usage, shape, named=named)
    if response and shape.beside:
        # two keys may lead to one rule, which counts once
        rules = {id(rule): rule for key, rule in shape.beside.items() if response.get(key) is not None}
        for rule in rules.values():
            rule.add(response, counts)
    if shape.variant:
        counts.labels.setdefault((None, "variant"), set()).add(shape.variant)
    rounds = usage.get(shape.rounds) if shape.rounds else None
    rounds = None if is_empty(rounds) else rounds
    # Most answers take one round, of one model, and end here.
    if rounds is None and not counts.others and not counts.labels:
        tokens = meters_of(counts, shape)
        return Usage({**tokens, **counts.calls} if counts.calls else tokens)
    meters: Mapping[Any, Any] = meters_of(counts, shape)
    if rounds is not None:
        meters = with_rounds(counts, rounds, model_of(response))
    parts = [*by_label(meters, counts).items(), *counts.calls.items()]
    if counts.others:
        others = [_other(*each) for each in counts.others]
        parts = _together(parts, others, replaced=counts.replaced)
    return Usage(parts)


def _other(more: dict[str, str], used: Any, shape: Shape) -> Usage:
    """The usage of another model than the one that answered, under labels of its own."""
    counts = counted(members_of(used, shape.name), shape)
    return labelled(Usage({**meters_of(counts, shape), **counts.calls}), more)


def _together(parts: list[tuple[Any, Any]], others: list[Usage], *, replaced: bool) -> list[tuple[Any, Any]]:
    """An answer and what other models did for it; usage by model takes the place of the whole."""
    added = sum(others, Usage())
    if not replaced:
        return [*parts, *added.items()]
    own = Usage(parts)
    for meter in ("input_tokens", "output_tokens"):
        # the models may have used more than the answer shows, but never less
        if added.total(meter) < own.total(meter):
            what = f"the models add up to {added.total(meter)} {meter}, but the whole is"
            raise UnreadableInput(what, own.total(meter), "give the response as the API wrote it")
    calls = [
        (meter, quantity)
        for meter, quantity in parts
        if not str.__str__(meter).partition("{")[0].endswith("_tokens")
    ]
    named = {Meter(meter).name for meter in added}
    return [
        *((meter, quantity) for meter, quantity in calls if Meter(meter).name not in named),
        *added.items(),
    ]


def _carrying(usage: Usage, labels: dict[str, str]) -> Usage:
    """Usage with the model that answered; what a tool drew was drawn by another, which nothing names."""
    if not labels:
        return usage
    tools = Usage([(meter, quantity) for meter, quantity in usage.items() if "tool" in meter.labels])
    return labelled(usage - tools, labels) + tools
