"""Testing: the laws of every price as one call, for prices that users write."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterable, Iterator
from decimal import ROUND_CEILING, Context, Decimal, FloatOperation, Inexact
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple, TypeAlias, cast

from attrs import evolve, has

from tokenbill.core.base.hashing import content_hash
from tokenbill.core.base.quoting import quoted
from tokenbill.core.money.decimals import (
    EXACT,
    ZERO,
    Exact,
    Number,
    decimal,
    number,
    plus,
    product,
    ratio,
    rounded,
    shifted,
    users_context,
)
from tokenbill.core.pricing.breakdown import PriceComponent
from tokenbill.core.pricing.breakpoints import first_breakpoints
from tokenbill.core.pricing.curves import NIL, at
from tokenbill.core.pricing.lint import cliffs
from tokenbill.core.pricing.price import Price
from tokenbill.errors import InvalidPrice, MissingExtra

try:
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import strategies as st
    from hypothesis.errors import Flaky
except ImportError:
    raise MissingExtra("hypothesis", "test") from None

__all__ = ["check_price", "quantities_near"]

EXAMPLES = 100
NEXT = Decimal("1e-30")
STEPS = (1, -1, Decimal("1e-9"), Decimal("-1e-9"), NEXT, NEXT.copy_negate())
"""How far from a bound to look."""
ENDS = 20
"""Bounds of a price that are looked at each time."""
HOSTILE = (
    Context(prec=1, rounding=ROUND_CEILING, Emin=0, Emax=0, traps=[]),
    Context(prec=3, capitals=0, traps=[Inexact, FloatOperation]),
)
"""Decimal contexts of a caller, which must change nothing."""


class Answer(NamedTuple):
    """What a price says of one quantity."""

    amount: Decimal
    exact: Fraction


Law: TypeAlias = "Callable[[Price, Decimal, Decimal], None]"


def check_price(price: Price, *, quantities: Iterable[Number] = (), at_zero: bool = False) -> None:
    """Check that a price obeys the laws that every price obeys.

    Zero costs nothing, no quantity costs less than nothing, what comes later adds up to what comes at
    once, the same question gives the same answer in every decimal context, the pieces it lists are its
    curve, and equal prices have equal hashes, also after a pickle. It looks near the price's own bounds.

    Args:
        price: The price.
        quantities: Where the curve bends or jumps, if neither its pieces nor its fields tell.
        at_zero: Whether an amount may be due though nothing is used. A price that has a true
            ``at_zero`` or ``fee_at_zero``, or an ``.at_least``, says so itself.

    Raises:
        AssertionError: If a law is broken; the message names the law, the quantities and both sides.
        MissingExtra: On import, if Hypothesis is not installed.

    >>> from tokenbill.core.pricing.rates import PerUnit
    >>> check_price(PerUnit("0.10", per=3600).after(100).capped(500))
    """
    if not isinstance(price, Price):
        raise InvalidPrice("not a price", price, "give an object of a class under Price")
    _zero(price, at_zero)
    _copies(price)
    near = quantities_near(price, quantities)

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        report_multiple_bugs=False,
        phases=(Phase.generate, Phase.shrink),
        verbosity=Verbosity.quiet,
        suppress_health_check=cast("list[HealthCheck]", list(HealthCheck)),
    )
    @given(near, near)
    def obeyed(early: Decimal, late: Decimal) -> None:
        for law in LAWS:
            law(price, early, late)

    try:
        obeyed()
    except Flaky as error:
        raise AssertionError(f"{quoted(price)} breaks determinism: its answers change") from error


def quantities_near(price: Price, quantities: Iterable[Number] = ()) -> st.SearchStrategy[Decimal]:
    """A Hypothesis strategy of quantities: any, and often those at the bounds of a price or beside them."""
    anywhere = st.builds(shifted, st.integers(0, 10**24), st.integers(0, 12))
    ends = st.sampled_from([ZERO, *first_breakpoints(price), *map(number, quantities)])
    return st.one_of(ends, st.builds(_beside, ends, st.sampled_from(STEPS)), anywhere)


def _beside(bound: Decimal, step: Decimal | int) -> Decimal:
    return max(decimal(plus(bound, Decimal(step))), ZERO)


def _hold(truth: bool, law: str, price: Price, left: str, right: str) -> None:
    if not truth:
        raise AssertionError(f"{quoted(price)} breaks the law of {law}: {left}, but {right}")


def _answer(price: Price, quantity: Decimal, prior: Decimal | None = None) -> Answer:
    """Both answers of a price; a law is broken where it has none."""
    try:
        return Answer(price(quantity, prior), price.exact(quantity, prior))
    except Exception as error:
        asked = _asked(quantity, prior)
        told = f"{quoted(price)} breaks the law of answers: {asked} raises {type(error).__name__}: {error}"
        raise AssertionError(told) from error


def _asked(quantity: Decimal, prior: Decimal | None = None) -> str:
    return f"price({quantity:f})" if prior is None else f"price({quantity:f}, prior={prior:f})"


def _told(quantity: Decimal, value: object) -> str:
    return f"{_asked(quantity)} is {value}"


def _zero(price: Price, at_zero: bool) -> None:
    """Nothing costs nothing, unless the price says otherwise."""
    found = _answer(price, ZERO)
    way_out = "it has no at_zero, fee_at_zero or at_least; say check_price(price, at_zero=True)"
    _hold(
        found.exact == 0 or at_zero or _due_at_zero(price), "zero", price, _told(ZERO, found.amount), way_out
    )


def _due_at_zero(price: Price) -> bool:
    says = getattr(price, "at_zero", False) or getattr(price, "fee_at_zero", False)
    return bool(says) or any(map(_due_at_zero, price.parts()))


def _copies(price: Price) -> None:
    """A copy has the same content, and is equal and hashes equally where the class knows equality."""
    content = _content(price)
    for way, made in _made_again(price):
        left = f"{way} gives {quoted(made)}"
        _hold(_content(made) == content, "copies", price, left, "its content differs")
        if type(price).__eq__ is not object.__eq__:
            _hold(made == price, "copies", price, left, "the two are not equal")
            _hold(_hash(made) == _hash(price), "hashes", price, left, "their hashes differ")


def _content(price: Price) -> str:
    try:
        return content_hash(price)
    except Exception as error:
        told = f"{quoted(price)} breaks the law of content: content_hash(price) raises {error}"
        raise AssertionError(told) from error


def _made_again(price: Price) -> Iterator[tuple[str, Price]]:
    yield "copy", copy.copy(price)
    yield "deepcopy", copy.deepcopy(price)
    if has(type(price)):
        yield "evolve", evolve(price)  # type: ignore[misc]
    if all(map(_importable, _classes(price))):
        yield "pickle", pickle.loads(pickle.dumps(price))  # noqa: S301 the bytes are our own


def _hash(price: Price) -> int:
    try:
        return hash(price)
    except TypeError as error:
        told = f"{quoted(price)} breaks the law of hashes: it has none; make the class frozen"
        raise AssertionError(told) from error


def _classes(price: Price) -> Iterator[type]:
    yield type(price)
    for part in price.parts():
        yield from _classes(part)


def _importable(cls: type) -> bool:
    """Whether pickle can find a class: not one that was written within a function."""
    return getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is cls


def _sign(price: Price, early: Decimal, late: Decimal) -> None:
    """No quantity costs less than nothing."""
    found = _answer(price, early)
    _hold(
        found.amount >= 0 and found.exact >= 0,
        "sign",
        price,
        _told(early, found.amount),
        "no price is negative",
    )


def _sum(price: Price, early: Decimal, late: Decimal) -> None:
    """What comes later adds up to what comes at once, as Decimals and as Fractions."""
    whole = plus(early, late)
    first, then, once = _answer(price, early), _answer(price, late, early), _answer(price, decimal(whole))
    left = f"{_asked(early)} + {_asked(late, early)} is"
    sums = (plus(first.amount, then.amount), once.amount), (first.exact + then.exact, once.exact)
    for parts, together in sums:
        _hold(parts == together, "sums", price, f"{left} {parts}", _told(decimal(whole), together))


def _determinism(price: Price, early: Decimal, late: Decimal) -> None:
    """The same question has the same answer, whatever the caller's decimal context."""
    found = _answer(price, early)
    for context in (EXACT, *HOSTILE):
        with users_context(context):
            again = _answer(price, early)
        _hold(again == found, "determinism", price, _told(early, found.amount), f"then it is {again.amount}")


def _exactness(price: Price, early: Decimal, late: Decimal) -> None:
    """The Decimal is the Fraction, or the nearest of 18 places."""
    amount, exact = _answer(price, early)
    _hold(amount == decimal(exact), "exactness", price, _told(early, amount), f"exactly it is {exact}")


def _pieces(price: Price, early: Decimal, late: Decimal) -> None:
    """The pieces that a price lists are its curve."""
    curve = price.pieces()
    if curve is not None:
        listed, exact = at(curve, Fraction(early)), _answer(price, early).exact
        _hold(listed == exact, "pieces", price, _told(early, exact), f"by its pieces it is {listed}")


def _breakdown(price: Price, early: Decimal, late: Decimal) -> None:
    """The components of an amount, which become lines of a bill, add up to it; each is the sum it shows."""
    components, exact = price.breakdown(early), _answer(price, early).exact
    added = sum((Fraction(component.amount) for component in components), NIL)
    _hold(added == exact, "breakdown", price, _told(early, exact), f"its components add up to {added}")
    for component in components:
        shown_sum = _sum_of(component)
        wrong = f"a component of it of {component.amount} shows a sum of {shown_sum}"
        _hold(shown_sum == component.amount, "breakdown", price, _told(early, exact), wrong)


def _sum_of(component: PriceComponent) -> Exact:
    """What a clerk gets who redoes a component."""
    if component.rate is None:
        return component.amount
    blocks = rounded(ratio(component.quantity, component.per), component.round)
    return plus(component.fee, product(blocks, component.rate))


def _monotony(price: Price, early: Decimal, late: Decimal) -> None:
    """A price that lists its pieces falls only at the cliffs among them."""
    if price.pieces() is None or cliffs(price):
        return
    beside = [_beside(end, NEXT) for end in first_breakpoints(price)[:ENDS]]
    asked = sorted({early, decimal(plus(early, late)), *beside, *first_breakpoints(price)[:ENDS]})
    for less, more in pairwise(asked):
        one, other = _answer(price, less).exact, _answer(price, more).exact
        wrong = f"{_told(more, other)}, and its pieces have no cliff"
        _hold(one <= other, "monotony", price, _told(less, one), wrong)


LAWS: tuple[Law, ...] = (_sign, _sum, _determinism, _exactness, _pieces, _breakdown, _monotony)
