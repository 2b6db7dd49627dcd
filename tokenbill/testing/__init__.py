"""Testing: the laws of every price as one call, for prices that users write."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from tokenbill.core.base.quoting import quoted
from tokenbill.core.money.decimals import ZERO, Number, number, shifted
from tokenbill.core.pricing.breakpoints import first_breakpoints
from tokenbill.core.pricing.price import Price
from tokenbill.errors import InvalidPrice, MissingExtra
from tokenbill.testing.laws import LAWS, NEXT, beside, check_copies, check_pieces, check_zero, held

try:
    from hypothesis import HealthCheck, Phase, Verbosity, given, settings
    from hypothesis import strategies as st
    from hypothesis.errors import Flaky
except ImportError:
    # the extra has what the tests of tokenbill need, too
    raise MissingExtra("hypothesis", "hypothesis") from None

__all__ = ["check_price", "quantities_near"]

EXAMPLES = 100
STEPS = (1, -1, Decimal("1e-9"), Decimal("-1e-9"), NEXT, NEXT.copy_negate())
"""How far from a bound to look."""


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
        AssertionError: If a law is broken; the message names the law, the quantities and both sides, or what
            a method raises.
        MissingExtra: On import, if Hypothesis is not installed.

    >>> from tokenbill.core.pricing.rates import PerUnit
    >>> check_price(PerUnit("0.10", per=3600).after(100).capped(500))
    """
    if not isinstance(price, Price):
        raise InvalidPrice("not a price", price, "give an object of a class under Price")
    check_zero(price, at_zero)
    check_copies(price)
    check_pieces(price)
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
            held(law, price, early, late)

    try:
        obeyed()
    except Flaky as error:
        raise AssertionError(f"{quoted(price)} breaks determinism: its answers change") from error


def quantities_near(price: Price, quantities: Iterable[Number] = ()) -> st.SearchStrategy[Decimal]:
    """A Hypothesis strategy of quantities: any, and often those at the bounds of a price or beside them."""
    # What is wrong is wrong at a bound, mostly, where a random quantity would never fall.
    anywhere = st.builds(shifted, st.integers(0, 10**24), st.integers(0, 12))
    ends = st.sampled_from([ZERO, *first_breakpoints(price), *map(number, quantities)])
    return st.one_of(ends, st.builds(beside, ends, st.sampled_from(STEPS)), anywhere)
