"""What other terms change of those before: whether they come after them, and from when on they differ."""

from __future__ import annotations

from datetime import datetime
from typing import cast

from tokenbill.core.periods.instants import utc
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract, placed
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.store.parts import Agreed, plan_of

__all__ = ["changed_from", "follows"]


def follows(before: Agreed, after: Agreed) -> bool:
    """Whether terms come after the end of those before, and not in their place."""
    if isinstance(before, BillingPlan) or before.end is None:
        return False
    return plan_of(after) != before.plan


def changed_from(before: Agreed, after: Agreed, span: Period) -> datetime | None:
    """The first moment from which terms differ from those before; None if they do so without a date.

    Days begin as they do in a span, whose own first day may have been written under other rules of its zone.
    """
    one, other = (Contract(each) if isinstance(each, BillingPlan) else each for each in (before, after))
    # Another plan from the beginning on changes the whole past, and no date says otherwise.
    if one.plan != other.plan:
        return None
    changes = {*one.amendments} ^ {*other.amendments}
    dates = [item.at for item in changes]
    if (one.end, one.end_fees) != (other.end, other.end_fees):
        dates += [end for end in (one.end, other.end) if end is not None]
    return min((cast(datetime, utc(placed(at, span, None))) for at in dates), default=None)
