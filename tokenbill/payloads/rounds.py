"""Rounds: the iterations of one request, some of which its own counts leave out, or another model made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tokenbill.core.base.inputs import name
from tokenbill.core.metering.usage import Usage
from tokenbill.errors import InvalidName, UnreadableInput
from tokenbill.payloads.counts import Counts, counted
from tokenbill.payloads.labels import labelled
from tokenbill.payloads.objects import listed_in, members_of, text_of
from tokenbill.payloads.shapes import Shape
from tokenbill.shared.foreign_data import telling
from tokenbill.shared.token_counts import meters_of

__all__ = ["with_rounds"]

ROUNDS: Final = ("message", "compaction", "advisor_message", "fallback_message")
"""The iterations of a request; its own counts hold the messages, and may hold those of a fallback."""
OWN_ROUNDS: Final = ("message", "compaction")
"""Iterations of a request that its own model worked on."""
WHOLES: Final = ("input_tokens", "input_tokens{cache=read}", "input_tokens{cache=write}", "output_tokens")
"""What the messages among the iterations and the request's own counts must agree on."""
PARTS: Final = {"input_tokens{cache=write,ttl=1h}": "write.1h", "output_tokens{kind=reasoning}": "reasoning"}
"""What only one of the two may tell, and the role under which the own counts tell it."""


def with_rounds(counts: Counts, listed: object, model: str) -> Usage:
    """The tokens of every round, where a request took several: the object itself leaves some out.

    Raises:
        UnreadableInput: If a round is not understood, or the messages do not make the request's own counts.
    """
    own = Usage(meters_of(counts, counts.shape))
    rounds = [
        _round(members_of(one, "iterations"), model, counts.shape) for one in listed_in(listed, "iterations")
    ]
    messages = [tokens for kind, tokens in rounds if kind == "message"]
    fallbacks = [tokens for kind, tokens in rounds if kind == "fallback_message"]
    others = [tokens for kind, tokens in rounds if kind not in ("message", "fallback_message")]
    # Where another model took over, the own counts may be those of its answer, of all, or of none of it.
    if fallbacks and _alike(own, [*messages, *fallbacks]):
        messages, fallbacks = [*messages, *fallbacks], []
    elif fallbacks and _alike(own, fallbacks):
        messages, fallbacks = fallbacks, messages
    if messages:
        advised = any(kind == "advisor_message" for kind, _ in rounds)
        own = _answered(own, messages, counts, advised=advised)
    return sum([*fallbacks, *others], own)


def _alike(own: Usage, rounds: list[Usage]) -> bool:
    summed = sum(rounds, Usage())
    return all(own.total(meter) == summed.total(meter) for meter in WHOLES)


def _round(members: Mapping[str, Any], own: str, shape: Shape) -> tuple[str, Usage]:
    """The kind of a round, and its tokens, with the label ``model`` if another model worked on it."""
    members = dict(members)
    model, kind = members.pop("model", None), text_of(members.pop("type", None))
    if kind not in ROUNDS:
        known = ", ".join(ROUNDS)
        raise UnreadableInput("an iteration that is none of", known, "price this request by hand")
    tokens, ours = Usage(meters_of(counted(members, shape), shape)), kind in OWN_ROUNDS
    if model is None and ours:
        return kind, tokens
    try:
        other = name(model, what="model")
    except InvalidName:
        way_out = "price this request by hand"
        raise UnreadableInput("an iteration whose model is", telling(model), way_out) from None
    same = other == own or (ours and not own)
    return kind, tokens if same else labelled(tokens, {"model": other})


def _answered(own: Usage, messages: list[Usage], counts: Counts, *, advised: bool) -> Usage:
    """The tokens of the messages, as they or the request's own counts tell them, whichever tell more."""
    # both tell the same tokens; the rounds tell lifetimes and models that the sums leave out
    summed = sum(messages, Usage())
    # Of an advised request the own input may be that of the first message.
    for meter in WHOLES:
        first = advised and meter != "output_tokens" and own.total(meter) == messages[0].total(meter)
        if own.total(meter) != summed.total(meter) and not first:
            raise _not_equal(meter, own, summed)
    whole = all(own.total(meter) == summed.total(meter) for meter in WHOLES)
    more = [part for part in PARTS if own.total(part) < summed.total(part)]
    less = [part for part in PARTS if own.total(part) > summed.total(part)]
    models = {meter.labels.get("model", "") for meter in summed}
    both = [part for part in more if whole and PARTS[part] in counts]  # both say it, and not the same
    if not less and not both:
        return summed
    if more or not whole or len(models) > 1:
        raise _not_equal((less + both)[0], own, summed)
    return own if models == {""} else labelled(own, {"model": min(models)})


def _not_equal(meter: str, own: Usage, summed: Usage) -> UnreadableInput:
    return UnreadableInput(
        f"the message iterations add up to {summed.total(meter)} {meter}, but the request's own are",
        own.total(meter),
        "give the object as the API wrote it, or price this request by hand",
    )
