"""Shapes: what one API's usage object counts, what stands beside it, and what of that charges nothing.

A shape is data. Adding one is an entry in ``table``, a case in the tests and a line in the docs: the
reader knows no provider by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

from attrs import field, frozen

from tokenbill.core.metering.meters import Meter
from tokenbill.shared.token_counts import MODALITIES, TOKENS, WHOLES

__all__ = [
    "MODALITIES",
    "TIERS",
    "VOCABULARIES",
    "ByName",
    "Call",
    "Field",
    "Kind",
    "Labelled",
    "Listed",
    "Shape",
    "paths",
    "prefixed",
]

VOCABULARIES: Final = (
    ("prompt_tokens", "completion_tokens"),
    ("input_tokens", "output_tokens"),
    ("promptTokenCount", "candidatesTokenCount"),
    ("prompt_token_count", "candidates_token_count"),
    ("inputTokens", "outputTokens"),
    ("PromptTokens", "CompletionTokens"),
    ("promptTokens", "completionTokens"),
)
"""Names of the same two counts: an object with names of two kinds would be billed twice."""
TIERS: Final[Mapping[str, str | None]] = {
    **dict.fromkeys(
        ("", "auto", "default", "on_demand", "standard", "traffic_type_unspecified", "unspecified")
    ),
    **{tier: tier for tier in ("batch", "fast", "flex", "priority", "ultrafast")},
    **{f"on_demand_{tier}": tier for tier in ("flex", "priority")},
    **dict.fromkeys(("offpeak", "off_peak", "on_demand_offpeak"), "off_peak"),
    **dict.fromkeys(("provisioned_throughput", "provisioned", "reserved", "scale"), "provisioned"),
    "optimized": "optimized",
}
"""The label ``variant`` of each way of processing; capacity that was paid ahead is ``provisioned``."""


class Kind:
    """What the reader does with a member."""

    GROUP, COUNT, METER, LIST, NAMES, LABEL, TIER, CALL, FREE = range(9)


class Field(NamedTuple):
    """A member that a shape knows, and the path that an error names it by."""

    kind: int
    rule: Any
    path: str


@frozen
class Listed:
    """A list of counts, each beside what it counts: ``[{"modality": "AUDIO", "tokenCount": 5}, …]``."""

    label: str
    count: str
    roles: Mapping[str, str]
    free: frozenset[str] = frozenset()


@frozen
class ByName:
    """Calls by name, each counted by a meter, or by none where it costs nothing.

    A list names a call once for each time; a mapping says how often. *other* counts the calls that have
    no name here; without it they are refused.
    """

    meters: Mapping[str, str | None]
    other: str | None = None
    lead: str = ""


@frozen
class Labelled:
    """A fact that changes a price: the label of what has one of these roles, or of all tokens.

    A value that is not listed is a label as it is, so that only an entry that names it can price it.
    """

    label: str
    values: Mapping[str, str | None]
    role: str | None = None


@frozen
class Call:
    """A fee for the request itself, labelled with what decides it."""

    meter: str
    label: str


def paths(text: str) -> frozenset[str]:
    """Paths out of a text, separated by spaces; their keys are separated by points."""
    return frozenset(text.split())


def prefixed(lead: str, members: Mapping[str, Any]) -> dict[str, Any]:
    """The members of an object by their path from the usage object."""
    return {f"{lead}.{key}": rule for key, rule in members.items()}


@frozen
class Shape:
    """One API's usage object, keyed by provider and API.

    Args:
        name: Provider and API, as in ``openai.chat``.
        seen: The date and the version that wrote what the table says.
        counts: The role of each count by its path. Roles are ``input``, ``output`` and ``total``; ``tool``
            for input that a tool added; ``read``, ``write``, ``uncached`` and ``reasoning``; one of these,
            a point, and a modality, a lifetime or ``provisioned``; ``predicted.…`` for output under two
            names; else the meter that the count has beside all others.
        rules: What other members say: a list of counts, calls by name, or a label.
        tiers: Where the way of processing is named.
        free: What is known to charge nothing.
        tolerated: Counts of other APIs with one meaning everywhere: read where the shape is named.
        summaries: Numbers of calls, each by the member that tells the calls apart where it is there.
        marks: Members that its API always writes, of which one tells it from others.
        required: The roles without which an object is not whole.
        cache_outside: Whether caches stand beside the input; None where the total decides.
        reasoning_outside: Whether reasoning stands beside the output.
        total_decides: Whether a total says where reasoning stands.
        total_covers: The total counts neither reasoning nor what stands beside where it is False.
        plain_output: What output is that is given under no modality.
        beside: What charges beside the usage object in a response, by its key there.
        rounds: Where a request lists the rounds that it took.
        zeros_are_absent: Whether a part of 0 may be one that nobody set.
        variant: The way of processing that its very names say.
        flat: Whether counts stand in the response itself, between what is no usage.
    """

    name: str
    seen: str
    counts: Mapping[str, str]
    rules: Mapping[str, Any] = field(factory=dict[str, Any])
    tiers: frozenset[str] = frozenset()
    free: frozenset[str] = frozenset()
    tolerated: Mapping[str, str] = field(factory=dict[str, str])
    tolerated_free: frozenset[str] = frozenset()
    tolerated_rules: Mapping[str, Any] = field(factory=dict[str, Any])
    summaries: Mapping[str, str] = field(factory=dict[str, str])
    marks: frozenset[str] = frozenset()
    required: tuple[str, ...] = ("input", "output")
    cache_outside: bool | None = False
    reasoning_outside: bool = False
    total_decides: bool = False
    total_covers: bool = True
    plain_output: str = "text"
    beside: Mapping[str, Any] = field(factory=dict[str, Any])
    rounds: str | None = None
    flat: bool = False
    zeros_are_absent: bool = False
    variant: str | None = None
    fields: dict[str, Field] = field(init=False, eq=False, repr=False)
    named_fields: dict[str, Field] = field(init=False, eq=False, repr=False)
    repeated: frozenset[str] = field(init=False, eq=False, repr=False)

    def __attrs_post_init__(self) -> None:
        known = _compiled(self, {**self.counts}, {**self.rules}, self.free)
        object.__setattr__(self, "fields", known)
        if self.tolerated or self.tolerated_rules or self.tolerated_free:
            counts = {**self.tolerated, **self.counts}
            rules = {**self.tolerated_rules, **self.rules}
            known = _compiled(self, counts, rules, self.free | self.tolerated_free)
        object.__setattr__(self, "named_fields", known)
        object.__setattr__(self, "repeated", _repeated(self))


def _repeated(shape: Shape) -> frozenset[str]:
    """Roles whose zero says something: those of two names, and those whose absence is told apart."""
    if shape.zeros_are_absent:
        return WHOLES
    roles = [*shape.counts.values(), *shape.tolerated.values()]
    twice = {role for role in roles if roles.count(role) > 1}
    listed = {
        role for rule in shape.rules.values() if isinstance(rule, Listed) for role in rule.roles.values()
    }
    telling = {role for role in roles if role.startswith("write.") or role == f"output.{shape.plain_output}"}
    return frozenset(twice | listed | telling | WHOLES | {"uncached", "read", "write"})


def _compiled(
    shape: Shape, counts: Mapping[str, str], rules: Mapping[str, Any], free: Iterable[str]
) -> dict[str, Field]:
    """Members by key, those of inner objects within them: what one pass over a payload needs."""
    tree: dict[str, Field] = {}
    kinds = {Listed: Kind.LIST, ByName: Kind.NAMES, Labelled: Kind.LABEL, Call: Kind.CALL}
    for path, role in counts.items():
        _place(tree, path, *_counting(role))
    for path, rule in rules.items():
        _place(tree, path, kinds[type(rule)], rule)
    for path in shape.tiers:
        _place(tree, path, Kind.TIER, "variant")
    for path in free:
        _place(tree, path, Kind.FREE, None)
    return tree


def _counting(role: str) -> tuple[int, str]:
    """Whether a role is a part of the sums, or a meter beside them."""
    first, _, rest = role.partition(".")
    part = first in TOKENS and (not rest or rest.isalnum())
    return (Kind.COUNT, role) if part else (Kind.METER, str.__str__(Meter(role)))


def _place(tree: dict[str, Field], path: str, kind: int, rule: object) -> None:
    *above, key = path.split(".")
    for depth, name in enumerate(above, start=1):
        tree = tree.setdefault(name, Field(Kind.GROUP, {}, ".".join(above[:depth]))).rule
    tree[key] = Field(kind, rule, path)
