"""Objects: the counts in a provider's usage object, each by its role; what is not known is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from numbers import Integral
from typing import Any, Final, cast

from tokenbill.core.base.inputs import is_mapping
from tokenbill.errors import UnreadableInput
from tokenbill.payloads.counts import Counts, count, measure
from tokenbill.payloads.shapes import TIERS, WHOLES, Listed, Path, Shape
from tokenbill.shared.foreign_data import telling

__all__ = ["complete", "counted", "fits", "key_of", "listed_in", "members_of", "text_of", "variants_of"]

MEMBERS: Final = 10_000
"""Most members of an object, and most items of a list."""
NAME = "[A-Za-z_][A-Za-z0-9_]{0,63}"
NO_COUNT = r"(?i)time(?!s)|latency|created|_ms$|(^|_)id$|per_second"
"""Names of numbers that count nothing: times, ids, speeds."""
AS_DICT = "give a dict: json.loads(…) of the response, or what an SDK's object returns as model_dump()"
AS_WRITTEN = "give the object as the API wrote it"


def counted(usage: dict[str, Any], shape: Shape) -> tuple[Counts, set[str]]:
    """The numbers of a usage object by role, and the ways of processing that it names.

    Raises:
        UnreadableInput: If a count is no count, is missing, or is not known.
    """
    counts, variants = Counts(), set[str]()
    for path, value in _leaves(usage, shape):
        if path in shape.tiers:
            variants |= variants_of(value, path[-1])
        elif path in shape.roles:
            _add(counts, path, value, shape.roles[path])
        elif path in shape.lists:
            _add_list(counts, path, value, shape.lists[path])
        elif path not in shape.ignored:
            _refuse_unknown(path, value, shape)
    _require(counts, shape)
    return counts, variants


def _leaves(members: dict[str, Any], shape: Shape, above: Path = ()) -> Iterator[tuple[Path, Any]]:
    """What stands in the object, and in the objects of counts within it, by path."""
    for key, value in members.items():
        path = (*above, key)
        if path in shape.groups and is_mapping(value):
            yield from _leaves(members_of(value, ".".join(path)), shape, path)
        else:
            yield path, value


def _add(counts: Counts, path: Path, value: object, role: str) -> None:
    """A count under its role. A part that is null is not there; a whole that is null is not known."""
    key = ".".join(path)
    if value is not None:
        counts.add(role, measure(value, key) if role == "audio_seconds" else count(value, key), path)
    elif role in WHOLES:
        raise UnreadableInput(f"{key} is not known", value, "leave the request out, or look up its counts")


def _add_list(counts: Counts, path: Path, value: object, listed: Listed) -> None:
    """The counts of a list, such as one by modality, each under the role of its label."""
    key, sums = ".".join(path), dict[str, int]()
    for item in listed_in(value, key):
        role, amount = _listed_count(members_of(item, key), key, listed)
        sums[role] = sums.get(role, 0) + amount
    for role, amount in sums.items():
        counts.add(role, amount, path)


def _listed_count(item: dict[str, Any], key: str, listed: Listed) -> tuple[str, int]:
    label, amount = item.pop(listed.label, None), item.pop(listed.count, None)
    role = listed.roles.get("" if label is None else text_of(label) or "?")
    if role is None or _counts_something(item):
        known = ", ".join(filter(None, listed.roles))
        raise UnreadableInput(
            f"{key} counts what is not known", telling(label), f"its {listed.label} is one of {known}"
        )
    return role, 0 if amount is None else count(amount, f"{key}.{listed.count}")


def _refuse_unknown(path: Path, value: object, shape: Shape) -> None:
    """What is not in the table may be left out only if it counts nothing."""
    if path in shape.groups and value is not None:
        raise UnreadableInput(f"{'.'.join(path)} is no object", telling(value), AS_WRITTEN)
    if _counts_something({path[-1]: value}):
        what = f"a count that {shape.name} does not have, under the key"
        raise UnreadableInput(what, key_of(path[-1]), "name the shape that has it")


def key_of(key: str) -> str:
    """A key as an error may show it; what is no name may be a prompt."""
    return key if re.fullmatch(NAME, key) else str(telling(key))


def _counts_something(value: object) -> bool:
    """Whether an unknown part holds a whole number other than 0, or any number in the name of tokens."""
    left, seen = [("", value)], 0
    while left:
        key, part = left.pop()
        seen += 1
        if is_mapping(part):
            left.extend(members_of(part, "payload").items())
        elif isinstance(part, list | tuple):
            left.extend((key, item) for item in listed_in(cast(object, part), "payload"))
        elif _is_count(key, part):
            return True
        if seen + len(left) > MEMBERS:
            return True  # larger than any usage object, or without an end
    return False


def _is_count(key: str, value: object) -> bool:
    if isinstance(value, bool) or re.search(NO_COUNT, key):
        return False
    if isinstance(value, str):
        return "token" in key.lower() and str.isdecimal(value)
    zero = type(value) in (int, float, Decimal) and not value
    return not zero and (isinstance(value, Integral) or (value is not None and "token" in key.lower()))


def _require(counts: Counts, shape: Shape) -> None:
    absent = set(shape.required) - counts.found.keys()
    if absent or not counts.found:
        keys = [".".join(path) for path, role in shape.roles.items() if role in absent]
        raise UnreadableInput(
            f"missing in a payload of {shape.name}",
            ", ".join(keys) or "every count",
            "give its usage object, or the response around it; of a stream, the last one",
        )


def fits(usage: dict[str, Any], shape: Shape) -> bool:
    """Whether a shape has every key of the object, and the object every count that the shape needs."""
    known = (shape.knows(path) or _empty(value) for path, value in _leaves(usage, shape))
    return complete(usage, shape) and all(known)


def complete(usage: dict[str, Any], shape: Shape) -> bool:
    """Whether the object has counts of the shape, with all those that the shape needs."""
    found = {shape.roles[path] for path, _ in _leaves(usage, shape) if path in shape.roles}
    return bool(found) and found.issuperset(shape.required)


def _empty(value: object) -> bool:
    return value is None or (isinstance(value, dict | list | tuple) and not value)


def variants_of(tier: object, key: str) -> set[str]:
    """The label of a way of processing, if it has a price of its own.

    Raises:
        UnreadableInput: If nobody knows what it costs.
    """
    if tier is None:
        return set()
    plain = text_of(tier).lower()
    if plain not in TIERS:
        raise UnreadableInput(
            f"{key} is not known", telling(tier), f"it is one of {', '.join(sorted(TIERS))}"
        )
    return {variant for variant in (TIERS[plain],) if variant}


def members_of(value: object, what: str) -> dict[str, Any]:
    """The members of an object, their keys as plain text.

    Raises:
        UnreadableInput: If it is none, has a key that is no text, or too many.
    """
    if not is_mapping(value):
        raise UnreadableInput(f"the {what} is no object", telling(value), AS_DICT)
    pairs = _taken(value, what)
    for key, _ in pairs:
        if not isinstance(key, str):
            raise UnreadableInput(f"a key of the {what} is no text", telling(key), AS_DICT)
    return {str.__str__(key): member for key, member in pairs}


def listed_in(value: object, what: str) -> list[Any]:
    """The items of a list.

    Raises:
        UnreadableInput: If it is none, or has too many.
    """
    if not isinstance(value, list | tuple | None):
        raise UnreadableInput(f"the {what} is no list", telling(value), AS_WRITTEN)
    return [] if value is None else _taken(value, what)


def _taken(values: Any, what: str) -> list[Any]:
    """What an object or a list holds, if it is no more than a usage object or a response has."""
    try:
        taken = list(islice(values.items() if is_mapping(values) else values, MEMBERS + 1))
    except Exception:  # a foreign mapping may raise anything
        raise UnreadableInput(f"the {what} cannot be read", telling(values), AS_DICT) from None
    if len(taken) > MEMBERS:
        raise UnreadableInput(f"the {what} has too many members", len(taken), f"give at most {MEMBERS}")
    return taken


def text_of(value: object) -> str:
    """A text as a plain one; what is none is empty."""
    return str.__str__(value) if isinstance(value, str) else ""
