"""What comes in: names, mappings, pairs and lists, checked before anything is made of them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, TypeGuard

from tokenbill.errors import InvalidName, TokenbillError

__all__ = [
    "EMPTY",
    "NAME_LENGTH",
    "is_blank",
    "is_legible",
    "is_mapping",
    "listed_of",
    "name",
    "name_or_nothing",
    "pairs_of",
]

EMPTY: tuple[Any, ...] = ()
"""What most fields of most accounts hold: there is but one empty tuple, so nothing of it need be read."""
NAME_LENGTH = 255
"""Longest name."""
ITEMS = 100_000
"""Most items of a list, so that an endless one is refused."""
HIDING = frozenset(
    "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u2028\u2029\ufeff"
)
"""Characters that reorder or hide the text around them."""
FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u2800\u3164\ufe0e\ufe0f\uffa0")
"""Letters and marks of which nothing is seen; Python holds them for printable."""


def name(value: object, *, what: str = "name", empty: bool = False) -> str:
    """*value* as a name: text of 1 to 255 characters, some of which are seen, and none hides others.

    Raises:
        InvalidName: For anything else; *empty* lets the empty text pass.
    """
    # Names reach logs, invoices and terminals, where such characters would forge what people read.
    plain = str.__str__(value) if isinstance(value, str) else None  # of a subclass only the text
    if plain is None or not (empty or plain):
        raise InvalidName(f"{what} is not text", value, "give a string of 1 to 255 characters")
    if len(plain) > NAME_LENGTH:
        raise InvalidName(f"{what} is too long", plain, f"give at most {NAME_LENGTH} characters")
    if not is_legible(plain):
        raise InvalidName(
            f"{what} holds a control character", plain, "leave out control and direction characters"
        )
    # Two customers whose names show nothing look alike on every page, and like none at all.
    if plain and not "!" <= plain[0] <= "~" and all(is_blank(character) for character in plain):
        raise InvalidName(f"{what} shows nothing", plain, "give it a character that can be seen")
    return plain


def is_blank(character: str) -> bool:
    """Whether nothing is seen of a character where it stands alone.

    >>> is_blank(" "), is_blank(chr(0x200B)), is_blank("a")
    (True, True, False)
    """
    import unicodedata  # almost every name begins with a character that can be seen

    # What this Python's tables do not know yet may well be seen: it counts as it is.
    return character.isspace() or character in FILLERS or unicodedata.category(character) == "Cf"


def name_or_nothing(value: object) -> str:
    """*value* as a name, or the empty text, which says that there is none."""
    return name(value, empty=True)


def is_legible(text: str) -> bool:
    """Whether no character of *text* controls or hides others.

    >>> is_legible("GPU × 3"), is_legible("a" + chr(27))
    (True, False)
    """
    if text.isprintable():
        return True
    # What is not printable may still be fit to read, as a joiner within a letter is.
    codes = map(ord, text)
    unfit = any(code < 0x20 or 0x7F <= code < 0xA0 or 0xD800 <= code < 0xE000 for code in codes)
    return not unfit and HIDING.isdisjoint(text)


def is_mapping(value: object) -> TypeGuard[Mapping[Any, Any]]:
    """Whether *value* is a mapping, of whatever to whatever."""
    return type(value) is dict or isinstance(
        value, Mapping
    )  # asking the abstract class takes ten times as long


def pairs_of(value: Any) -> list[tuple[Any, Any]] | None:
    """The items of a mapping, or the pairs of an iterable; None where it is neither.

    An error of ours on the way is told as it is: it names what is wrong inside.
    """
    try:
        return [(key, item) for key, item in (value.items() if is_mapping(value) else value)]
    except TokenbillError:
        raise
    except (TypeError, ValueError):
        return None


def listed_of(value: Any, *, most: int = ITEMS) -> tuple[Any, ...] | None:
    """What an iterable holds, read no further than one beyond *most*; None where it is none.

    A text is a value, not a list of characters; a mapping is more than a list of its keys.
    """
    try:
        return None if isinstance(value, str | bytes | Mapping) else tuple(islice(value, most + 1))
    except TokenbillError:
        raise
    except (TypeError, ValueError):
        return None
