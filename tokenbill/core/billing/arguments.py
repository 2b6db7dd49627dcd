"""What a bill is asked with: the rest that most bills leave out, checked, and the way of dated usage."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from tokenbill.core.base.inputs import is_mapping, name
from tokenbill.core.billing.account import Account
from tokenbill.core.metering.usage import Usage
from tokenbill.core.periods.instants import moment
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_request import About
from tokenbill.core.rating.lines import COLUMNS
from tokenbill.errors import InvalidAccount, InvalidPeriod, InvalidPlan, InvalidUsage

__all__ = ["check_rest", "checked_terms", "dated_totals", "notes_of"]


@cache
def dated_totals() -> Callable[..., tuple[Any, Decimal, Any] | None]:
    """What bills terms that change, imported when first used; a statement in ``of`` would cost each time."""
    from tokenbill.core.billing.dated_total import dated_total  # most bills are of a plan that stays

    return dated_total


def checked_terms(usage: Any, plan: Any) -> tuple[Usage, BillingPlan]:
    """What a bill is of, as it needs them."""
    if not isinstance(plan, BillingPlan):
        raise InvalidPlan("not a plan", plan, "give one: BillingPlan.on_demand(prices)")
    return usage if type(usage) is Usage else Usage(usage), plan


def notes_of(about: Any) -> About:
    """What is said of a bill, as sorted pairs; a name of its columns would hide one of them."""
    # They become columns beside those of lines, where a name that is taken would hide an amount.
    if not is_mapping(about) or not COLUMNS.isdisjoint(about):
        raise InvalidUsage(
            "nothing that can be said of a bill", about, 'give a mapping: {"customer": "acme"}'
        )
    return tuple(sorted((name(key), name(value, what=key)) for key, value in about.items()))


def check_rest(opening: Any, final: Any, period: Any, at: Any, reversal: Any) -> date | None:
    """Check what most bills leave out, and read the time at which grants are drawn on."""
    if not isinstance(opening, Account):
        raise InvalidAccount("not an account", opening, "give the closing of the bill before, or Account()")
    # 0 and 1 would pass for them: a count in the wrong place would close a month.
    if not isinstance(final, bool):
        raise InvalidPlan("final is neither True nor False", final, "give one of them")
    if period is not None and not isinstance(period, Period):
        raise InvalidPeriod("not a period", period, "give a Period")
    if not (isinstance(reversal, Usage) or is_mapping(reversal)):
        raise InvalidUsage("not a usage to take off", reversal, "give a Usage, or usage by date")
    # a text of a date is read here, once, so that nobody below compares texts with dates
    return None if at is None else moment(at)
