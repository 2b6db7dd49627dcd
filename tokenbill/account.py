"""Accounts: all the state that a customer carries from bill to bill."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeAlias

from attrs import field, frozen

from tokenbill.compiled import Bent, Compiled
from tokenbill.decimals import ZERO, Exact, number
from tokenbill.memo import Memo, memo
from tokenbill.usage import Usage

__all__ = ["NEW", "NO_USAGE", "Account", "Position"]

NO_USAGE = Usage()
"""What an account begins with, and what a bill takes off unless told."""


Position: TypeAlias = "tuple[Compiled, Exact, Bent, Decimal]"
"""Where an account stands on its plan's curves, so that the next event need not replay the period:
numerator, quantities of bent rates, and the amount that the period has come to."""


def _usage(value: Any) -> Usage:
    return value if type(value) is Usage else Usage(value)


def _money(value: Any) -> Decimal:
    """A stored amount; a Decimal of ours is taken as it is, for each event carries a few of them."""
    return value if type(value) is Decimal and value.is_finite() else number(value)


@frozen
class Account:
    """All the state that a customer carries from bill to bill; the user stores it.

    ``Account()`` fits any plan: nothing used, nothing billed.

    Args:
        terms: The hash of the plan that the open period is billed on; None where no period is open.
        used: The usage of the open period so far.
        accrued: What its bills came to, in the plan's currency.
        carried: What is left of negative bills, zero or less, to be spent before anything else is due.

    Raises:
        InvalidNumber: If an amount is no exact number.
        InvalidUsage: If *used* is no usage.
    """

    terms: str | None = field(default=None)
    used: Usage = field(default=NO_USAGE, converter=_usage)
    accrued: Decimal = field(default=ZERO, converter=_money)
    carried: Decimal = field(default=ZERO, converter=_money)
    made: Memo = memo()


NEW = Account()
