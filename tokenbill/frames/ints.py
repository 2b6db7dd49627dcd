"""Whole numbers in arrays that never wrap: 64 bits, two words of 64, or Python's own, as their bound asks.

Each array carries a bound that is worked out beside it, so that a result is known to fit before it is made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeAlias

from tokenbill.frames.engines import np

__all__ = ["LONG", "Array", "Ints", "beyond", "joined", "lower", "picked"]

Array: TypeAlias = Any
"""An array of numpy."""

LONG = 1 << 63
"""Numbers below it fit 64 bits."""
WIDE = 1 << 126
"""Numbers below it fit two words, with a bit to spare for what is added before it is divided."""
MODEST = 1 << 60
"""Numbers below it leave room for three products of their halves."""
WORD, LOW, HALF = 1 << 64, (1 << 32) - 1, 32
FEW = 16
"""So many numbers Python looks at sooner than numpy begins."""
SURE = 50
"""Bits of a quotient that a division of floats gets right but for one: they hold 53."""


class Ints:
    """Whole numbers, none of them beyond *top* either way.

    ``low`` are the numbers themselves where ``high`` is None: int64, or Python's own where they are longer;
    else the lower words, without a sign, and ``high`` the upper ones.
    """

    __slots__ = ("high", "low", "top")
    __array_ufunc__ = None  # an operator of numpy leaves the work to ours
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, low: Array, top: int | None = None, high: Array = None) -> None:
        self.low, self.high = low, high
        self.top = _largest(low) if top is None else top

    @property
    def is_long(self) -> bool:
        """Whether these are Python's own numbers."""
        return bool(self.low.dtype == object)

    @property
    def is_plain(self) -> bool:
        """Whether these are int64, which numpy takes a number of Python's with: the most frequent case."""
        return self.high is None and self.low.dtype != object

    @property
    def size(self) -> int:
        """How many there are."""
        return int(self.low.size)

    def __getitem__(self, where: Any) -> Ints:
        return Ints(self.low[where], self.top, None if self.high is None else self.high[where])

    def tight(self) -> Ints:
        """The same with the bound that they have, which their history may exceed by far."""
        if self.high is None:
            return Ints(self.low)
        rest = np.where(self.high < 0, ~self.high, self.high)
        top = (int(rest.max(initial=0)) + 1) << 64
        narrow = self.low.view(np.int64)
        if top == WORD and bool((self.high == narrow >> 63).all()):
            return Ints(narrow)
        return Ints(self.low, min(top, self.top), self.high)

    def wide(self) -> tuple[Array, Array]:
        """Both words of each."""
        if self.high is not None:
            return self.low, self.high
        return self.low.view(np.uint64), self.low >> 63

    def words(self) -> tuple[Array, Array]:
        """Both words of each, of Python's own numbers, too, if they are below 2^127."""
        if not self.is_long:
            return self.wide()
        return (self.low & WORD - 1).astype(np.uint64), (self.low >> 64).astype(np.int64)

    def long(self) -> Array:
        """Python's own numbers."""
        if self.high is None:
            return self.low.astype(object)
        return self.high.astype(object) * WORD + self.low.astype(object)

    def signs(self) -> Array:
        """Where they are below zero."""
        return (self.low if self.high is None else self.high) < 0

    def nonzero(self) -> Array:
        """Where they are not zero."""
        return self.low != 0 if self.high is None else (self.low != 0) | (self.high != 0)

    def placed(self, count: int, where: Array) -> Ints:
        """So many numbers, these at their places and zeros elsewhere."""
        low = np.zeros(count, self.low.dtype)
        low[where] = self.low
        if self.high is None:
            return Ints(low, self.top)
        high = np.zeros(count, np.int64)
        high[where] = self.high
        return Ints(low, self.top, high)

    def __neg__(self) -> Ints:
        if self.high is None:
            return Ints(-self.low, self.top)
        return Ints(~self.low + np.uint64(1), self.top, ~self.high + (self.low == 0))

    def __add__(self, other: Ints | int) -> Ints:
        if type(other) is int:
            if not other:
                return self
            if self.is_plain and self.top + abs(other) < LONG:
                return Ints(self.low + other, self.top + abs(other))
        one, two = self, _array(other)
        if one.top + two.top >= LONG and one.high is two.high is None:
            one, two = one.tight(), two.tight()
        top = one.top + two.top
        if top >= WIDE or one.is_long or two.is_long:
            return _narrowed(one.long() + two.long(), top)
        if top < LONG:
            return Ints(_short(one) + _short(two), top)
        (low, high), (more, upper) = one.wide(), two.wide()
        # words without a sign wrap, and a sum that is less than a part of it has carried
        total = low + more
        return Ints(total, top, high + upper + (total < low))

    __radd__ = __add__

    def __sub__(self, other: Ints | int) -> Ints:
        return self + -other

    def __rsub__(self, other: int) -> Ints:
        return -self + other

    def __mul__(self, other: Ints | int) -> Ints:
        if type(other) is int:
            if other == 1:
                return self
            top = max(self.top, 1) * max(abs(other), 1)
            if self.is_plain and top < LONG:
                return Ints(self.low * other, top)
        one, two = self, _array(other)
        if max(one.top, 1) * max(two.top, 1) >= LONG:
            one, two = one.tight(), two.tight()
        top = max(one.top, 1) * max(two.top, 1)
        if top >= WIDE or one.is_long or two.is_long:
            return _narrowed(one.long() * two.long(), top)
        if top < LONG:
            return Ints(_short(one) * _short(two), top)
        if one.high is two.high is None and max(one.top, two.top) < MODEST:
            return product(one.low, two.low, top)
        (low, high), (factor, upper) = one.wide(), two.wide()
        return Ints(low * factor, top, high_words(low, high, factor, upper))

    __rmul__ = __mul__

    def __floordiv__(self, other: Ints | int) -> Ints:
        """The quotient by numbers above zero, rounded down."""
        if type(other) is int:
            if other == 1:
                return self
            if self.is_plain and max(self.top, other) < LONG:
                return Ints(self.low // other, self.top // other + 1)
        one, two = self, _array(other)
        if one.top >= LONG or two.top >= LONG:
            one, two = one.tight(), two.tight()
        top = one.top // (int(two.long()[0]) if two.size == 1 else 1) + 1
        if one.is_long or two.is_long or max(one.top, two.top) >= WIDE:
            return _narrowed(one.long() // two.long(), top)
        if one.top < LONG and two.top < LONG:
            return Ints(_short(one) // _short(two), top)
        return divided(one, two, top)

    def __mod__(self, other: Ints | int) -> Ints:
        return (self - self // other * other).tight()

    def __eq__(self, other: object) -> Any:
        """1 where they are the same, else 0."""
        return Ints((~(self - other).nonzero()).astype(np.int64), 1)  # type: ignore[operator]


def lower(one: Ints | int, other: Ints | int) -> Any:
    """The lower of two numbers, none of them below zero."""
    if isinstance(one, int) and isinstance(other, int):
        return min(one, other)
    less: Any = one - beyond(one, other)
    top = min(number if isinstance(number, int) else number.top for number in (one, other))
    return Ints(less.low, top, less.high) if less.high is None or top >= LONG else Ints(_short(less), top)


def beyond(number: Ints | int, limit: Ints | int) -> Any:
    """What goes beyond a limit, at least 0."""
    over: Any = number - limit
    if isinstance(over, int):
        return max(over, 0)
    if over.high is None:
        return Ints(np.maximum(over.low, 0), over.top)
    is_above = over.high >= 0
    return Ints(over.low * is_above, over.top, over.high * is_above)


def picked(where: Array, one: Ints | int, other: Ints | int) -> Ints:
    """The one number where that is so, else the other."""
    first, second = _array(one), _array(other)
    top = max(first.top, second.top)
    if top >= WIDE or first.is_long or second.is_long:
        return Ints(np.where(where, first.long(), second.long()), top)
    if top < LONG:
        return Ints(np.where(where, _short(first), _short(second)), top)
    (low, high), (more, upper) = first.wide(), second.wide()
    return Ints(np.where(where, low, more), top, np.where(where, high, upper))


def joined(parts: Sequence[Ints]) -> Ints:
    """Several arrays as one."""
    if not parts:
        return Ints(np.zeros(0, np.int64), 0)
    top = max(part.top for part in parts)
    if any(part.is_long for part in parts):
        return Ints(np.concatenate([part.long() for part in parts]), top)
    if all(part.high is None for part in parts):
        return Ints(np.concatenate([part.low for part in parts]), top)
    words = [part.wide() for part in parts]
    return Ints(np.concatenate([low for low, _ in words]), top, np.concatenate([high for _, high in words]))


# ---------------------------------------------------------------- words


def _largest(values: Array) -> int:
    """The largest absolute value."""
    if values.size <= FEW:
        found: list[int] = values.tolist()
        return max(map(abs, found), default=0)
    return max(int(values.max()), -int(values.min()))


def _array(number: Ints | int) -> Ints:
    """One number as an array, as wide as it needs; an array itself."""
    if isinstance(number, Ints):
        return number
    if abs(number) < LONG:
        return Ints(np.array([number], np.int64), abs(number))
    if abs(number) < WIDE:
        high, low = divmod(number, WORD)
        return Ints(np.array([low], np.uint64), abs(number), np.array([high], np.int64))
    return Ints(np.array([number], object), abs(number))


def _short(numbers: Ints) -> Array:
    """Numbers that are known to fit 64 bits, as such."""
    return numbers.low if numbers.high is None else numbers.low.view(np.int64)


def _narrowed(values: Array, top: int) -> Ints:
    """Python's own numbers, or 64 bits again where these hold them."""
    found = Ints(values, min(top, _largest(values)))
    return Ints(values.astype(np.int64), found.top) if found.top < LONG else found


def product(one: Array, other: Array, top: int) -> Ints:
    """Products of 64-bit numbers that are modest, and so need no carries to be told apart."""
    low, high, factor, upper = one & LOW, one >> HALF, other & LOW, other >> HALF
    # halves below 2^28 and 2^32: each product, and the three in the middle together, stay within 64 bits
    middle = (
        low * upper + high * factor + (low.view(np.uint64) * factor.view(np.uint64) >> HALF).view(np.int64)
    )
    words = one.view(np.uint64) * other.view(np.uint64)
    return Ints(words, top, high * upper + (middle >> HALF))


def high_words(low: Array, high: Array, factor: Array, upper: Array) -> Array:
    """The upper words of products, modulo 2^128, which the bound of a product says is enough."""
    one, two, three, four = low & LOW, low >> HALF, factor & LOW, factor >> HALF
    first, second = one * four, two * three
    # schoolbook multiplication by halves of words: no partial product leaves 64 bits
    middle = (one * three >> HALF) + (first & LOW) + (second & LOW)
    carried = two * four + (first >> HALF) + (second >> HALF) + (middle >> HALF)
    return carried.view(np.int64) + low.view(np.int64) * upper + high * factor.view(np.int64)


def _floats(numbers: Ints) -> Array:
    """Numbers as floats, each right but for its last bit or two."""
    low, high = numbers.wide()
    narrow = low.view(np.int64)
    # small negative numbers are large words of opposite signs, whose sum would lose its digits
    return np.where(high == narrow >> 63, narrow.astype(np.float64), high.astype(np.float64) * 2.0**64 + low)


def _whole(floats: Array, top: int) -> Ints:
    """Whole floats as numbers."""
    if top < LONG:
        return Ints(floats.astype(np.int64), top)
    # a small negative number less a large word would lose its digits
    is_short = np.abs(floats) < 2.0**63
    short = np.where(is_short, floats, 0.0).astype(np.int64)
    upper = np.floor(np.where(is_short, 0.0, floats) / 2.0**64)
    rest = np.where(is_short, 0.0, floats) - upper * 2.0**64
    high = np.where(is_short, short >> 63, upper.astype(np.int64))
    return Ints(np.where(is_short, short.view(np.uint64), rest.astype(np.uint64)), top, high)


def divided(one: Ints, other: Ints, top: int) -> Ints:
    """The quotient of two words by two: floats guess it, and what the guess leaves is divided again.

    A guess is right but for its relative error of some 2^-51, so each round brings 50 bits more. What is left
    is worked out in whole numbers, and so it says exactly whether the last guess is one too high or too low.
    """
    divisors = _floats(other)
    quotient, rest, open_ = Ints(np.zeros(1, np.int64), 0), one, top
    while True:
        guess = _whole(np.rint(_floats(rest) / divisors), open_ + (open_ >> SURE) + 1)
        (low, high), (factor, upper) = guess.wide(), other.wide()
        less, (rest_low, rest_high) = low * factor, rest.wide()
        rest_high = rest_high - high_words(low, high, factor, upper) - (rest_low < less)
        quotient, rest = quotient + guess, Ints(rest_low - less, rest.top, rest_high)
        if open_ < 1 << SURE:
            break
        open_ = (open_ >> SURE - 1) + 1
    # what is left says exactly whether the last guess was one too high or too low
    is_short, is_over = rest.signs(), ~(rest - other).signs()
    found = quotient + Ints(is_over.astype(np.int64) - is_short, 1)
    return Ints(found.low, top, found.high) if found.high is None or top >= LONG else Ints(_short(found), top)
