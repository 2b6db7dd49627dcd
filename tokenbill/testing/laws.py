"""The laws of every price: each takes a price and two quantities, and fails where the price breaks it."""

from __future__ import annotations

import copy
import pickle
import sys
from collections.abc import Callable, Iterator
from decimal import ROUND_CEILING, Context, Decimal, FloatOperation, Inexact
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple, TypeAlias

from attrs import evolve, has

from tokenbill.core.base.hashing import content_hash
from tokenbill.core.base.quoting import quoted
from tokenbill.core.money.decimals import (
    EXACT,
    ZERO,
    Exact,
    decimal,
    plus,
    product,
    ratio,
    rounded,
    users_context,
)
from tokenbill.core.pricing.breakdown import PriceComponent
from tokenbill.core.pricing.breakpoints import first_breakpoints
from tokenbill.core.pricing.curves import NIL, at
from tokenbill.core.pricing.lint import cliffs
from tokenbill.core.pricing.price import Price

__all__ = ["LAWS", "beside", "check_copies", "check_pieces", "check_zero", "held"]

NEXT = Decimal("1e-30")
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


def beside(bound: Decimal, step: Decimal | int) -> Decimal:
    """A quantity so far from a bound, or zero."""
    return max(decimal(plus(bound, Decimal(step))), ZERO)


def hold(truth: bool, law: str, price: Price, left: str, right: str) -> None:
    if not truth:
        raise AssertionError(f"{quoted(price)} breaks the law of {law}: {left}, but {right}")


def answer(price: Price, quantity: Decimal, prior: Decimal | None = None) -> Answer:
    """Both answers of a price; a law is broken where it has none."""
    try:
        return Answer(price(quantity, prior), price.exact(quantity, prior))
    except Exception as error:
        asked = asked_as(quantity, prior)
        message = f"{quoted(price)} breaks the law of answers: {asked} raises {type(error).__name__}: {error}"
        raise AssertionError(message) from error


def asked_as(quantity: Decimal, prior: Decimal | None = None) -> str:
    return f"price({quantity:f})" if prior is None else f"price({quantity:f}, prior={prior:f})"


def told(quantity: Decimal, value: object) -> str:
    return f"{asked_as(quantity)} is {value}"


def check_zero(price: Price, at_zero: bool) -> None:
    """Nothing costs nothing, unless the price says otherwise."""
    found = answer(price, ZERO)
    way_out = "it has no at_zero, fee_at_zero or at_least; say check_price(price, at_zero=True)"
    hold(
        found.exact == 0 or at_zero or is_due_at_zero(price), "zero", price, told(ZERO, found.amount), way_out
    )


def is_due_at_zero(price: Price) -> bool:
    says = getattr(price, "at_zero", False) or getattr(price, "fee_at_zero", False)
    return bool(says) or any(map(is_due_at_zero, price.parts()))


def check_copies(price: Price) -> None:
    """A copy has the same content, and is equal and hashes equally where the class knows equality."""
    content = content_of(price)
    for way, made in made_again(price):
        left = f"{way} gives {quoted(made)}"
        hold(content_of(made) == content, "copies", price, left, "its content differs")
        if type(price).__eq__ is not object.__eq__:
            hold(made == price, "copies", price, left, "the two are not equal")
            hold(hash_of(made) == hash_of(price), "hashes", price, left, "their hashes differ")


def check_pieces(price: Price) -> None:
    """The pieces that a price lists are a curve, or None."""
    try:
        first_breakpoints(price)
    except Exception as error:
        message = (
            f"{quoted(price)} breaks the law of pieces: pieces() leads to {type(error).__name__}: {error}"
        )
        raise AssertionError(message) from error


def content_of(price: Price) -> str:
    try:
        return content_hash(price)
    except Exception as error:
        message = f"{quoted(price)} breaks the law of content: content_hash(price) raises {error}"
        raise AssertionError(message) from error


def made_again(price: Price) -> Iterator[tuple[str, Price]]:
    yield "copy", copy.copy(price)
    yield "deepcopy", copy.deepcopy(price)
    if has(type(price)):
        yield "evolve", evolve(price)  # type: ignore[misc]
    # Pickle finds a class by its name: one that a function or a cell of a notebook made has none.
    if all(map(is_importable, classes_of(price))):
        yield "pickle", pickle.loads(pickle.dumps(price))  # noqa: S301 the bytes are our own


def hash_of(price: Price) -> int:
    try:
        return hash(price)
    except TypeError as error:
        message = f"{quoted(price)} breaks the law of hashes: it has none; make the class frozen"
        raise AssertionError(message) from error


def classes_of(price: Price) -> Iterator[type]:
    yield type(price)
    for part in price.parts():
        yield from classes_of(part)


def is_importable(cls: type) -> bool:
    """Whether pickle can find a class: not one that was written within a function."""
    return getattr(sys.modules.get(cls.__module__), cls.__qualname__, None) is cls


def sign(price: Price, early: Decimal, late: Decimal) -> None:
    """No quantity costs less than nothing."""
    found = answer(price, early)
    hold(
        found.amount >= 0 and found.exact >= 0,
        "sign",
        price,
        told(early, found.amount),
        "no price is negative",
    )


def sums(price: Price, early: Decimal, late: Decimal) -> None:
    """What comes later adds up to what comes at once, as Decimals and as Fractions."""
    whole = plus(early, late)
    first, then, once = answer(price, early), answer(price, late, early), answer(price, decimal(whole))
    left = f"{asked_as(early)} + {asked_as(late, early)} is"
    # Both answers are asked: Decimals that were rounded may add up where the fractions do not.
    sums = (plus(first.amount, then.amount), once.amount), (first.exact + then.exact, once.exact)
    for parts, together in sums:
        hold(parts == together, "sums", price, f"{left} {parts}", told(decimal(whole), together))


def determinism(price: Price, early: Decimal, late: Decimal) -> None:
    """The same question has the same answer, whatever the caller's decimal context."""
    # A bare operator gives what the caller's context makes of it, right in a test and wrong in a service.
    found = answer(price, early)
    for context in (EXACT, *HOSTILE):
        with users_context(context):
            again = answer(price, early)
        hold(again == found, "determinism", price, told(early, found.amount), f"then it is {again.amount}")


def exactness(price: Price, early: Decimal, late: Decimal) -> None:
    """The Decimal is the Fraction, or the nearest of 18 places."""
    amount, exact = answer(price, early)
    hold(amount == decimal(exact), "exactness", price, told(early, amount), f"exactly it is {exact}")


def pieces(price: Price, early: Decimal, late: Decimal) -> None:
    """The pieces that a price lists are its curve."""
    curve = price.pieces()
    if curve is not None:
        listed, exact = at(curve, Fraction(early)), answer(price, early).exact
        hold(listed == exact, "pieces", price, told(early, exact), f"by its pieces it is {listed}")


def breakdown(price: Price, early: Decimal, late: Decimal) -> None:
    """The components of an amount, which become lines of a bill, add up to it; each is the sum it shows."""
    components, exact = price.breakdown(early), answer(price, early).exact
    added = sum((Fraction(component.amount) for component in components), NIL)
    hold(added == exact, "breakdown", price, told(early, exact), f"its components add up to {added}")
    # Components that add up may still show sums that a clerk cannot redo, and customers do redo them.
    for component in components:
        shown_sum = sum_of(component)
        wrong = f"a component of it of {component.amount} shows a sum of {shown_sum}"
        hold(shown_sum == component.amount, "breakdown", price, told(early, exact), wrong)


def sum_of(component: PriceComponent) -> Exact:
    """What a clerk gets who redoes a component."""
    if component.rate is None:
        return component.amount
    blocks = rounded(ratio(component.quantity, component.per), component.round)
    return plus(component.fee, product(blocks, component.rate))


def monotony(price: Price, early: Decimal, late: Decimal) -> None:
    """A price that lists its pieces falls only at the cliffs among them."""
    # A volume price may cost less for more at a bound: that is a cliff, which lint tells and no error.
    if price.pieces() is None or cliffs(price):
        return
    near = [beside(end, NEXT) for end in first_breakpoints(price)[:ENDS]]
    asked = sorted({early, decimal(plus(early, late)), *near, *first_breakpoints(price)[:ENDS]})
    for less, more in pairwise(asked):
        one, other = answer(price, less).exact, answer(price, more).exact
        wrong = f"{told(more, other)}, and its pieces have no cliff"
        hold(one <= other, "monotony", price, told(less, one), wrong)


def held(law: Law, price: Price, early: Decimal, late: Decimal) -> None:
    """Check one law; what a method of the price raises breaks it."""
    try:
        law(price, early, late)
    except AssertionError:
        raise
    except Exception as error:
        name = getattr(law, "__name__", "")
        what = f"its answer at {early:f} leads to {type(error).__name__}: {error}"
        raise AssertionError(f"{quoted(price)} breaks the law of {name}: {what}") from error


LAWS: tuple[Law, ...] = (sign, sums, determinism, exactness, pieces, breakdown, monotony)
