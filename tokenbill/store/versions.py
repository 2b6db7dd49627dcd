"""Usage by the versions of a period's terms: as events date it, and as an account is billed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from tokenbill.core.billing.account import Account
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, plus
from tokenbill.core.periods.instants import is_before, utc
from tokenbill.core.plans.contract import Contract, placed
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.bill_request import NO_USAGE
from tokenbill.store.parts import Dated, Part, plan_of

__all__ = ["by_version", "used_by_version"]

MOVES = [timedelta(hours=hours) for hours in (-2, -1, 1, 2)]
"""By what the rules of a zone may have moved a midnight since it was billed."""


def by_version(part: Part, dated: Dated) -> tuple[Any, Any, bool]:
    """Usage by the version of its date, as it is booked, and whether some of it is booked under another."""
    contract, account = part.agreed, part.account
    if isinstance(contract, BillingPlan):
        whole = sum((usage for _, usage, _ in dated), NO_USAGE)
        return whole - sum((reversal for _, _, reversal in dated), NO_USAGE), account.used, False
    # Usage counts for the version of its own date, and not for the one that held when it came in.
    starts = [cast(datetime, utc(version.period.start)) for version in contract.versions(part.span)]
    # in UTC: two versions may begin in the two hours of one name
    booked = {utc(version.start): version.used for version in account.versions}
    booked = booked or {utc(part.span.start): account.used}
    cycle = plan_of(contract).cycle
    by_start = [(placed(start, part.span, cycle), used, NO_USAGE) for start, used in booked.items()]
    sums = _without_labels(_allotted(starts, by_start))
    right = _allotted(starts, dated)
    # What was booked in an hour that the rules of a zone moved to another version stays where it is.
    moved = [
        [start + by if start in booked and start > part.since else start for start in starts]
        for by in (MOVES if str(cast(datetime, part.span.start).tzinfo) != "UTC" else ())
    ]
    known = (each for each in [starts, *moved] if _without_labels(_allotted(each, dated)) == sums)
    as_booked = next(known, None)
    if as_booked is not None:
        right = _allotted(as_booked, dated)
    given = {start: usage for start, usage in zip(starts, right, strict=True) if usage}
    return given, {start: used for start, used in booked.items() if used}, as_booked is None


def _allotted(starts: Sequence[datetime], dated: Any) -> list[Usage]:
    """Usage by the version that holds its instant: the first one before all of them, the last one after."""
    right, taken = [NO_USAGE for _ in starts], [NO_USAGE for _ in starts]
    for at, usage, reversal in dated:
        later = [i for i, start in enumerate(starts) if not is_before(at, start)]
        i = later[-1] if later else 0
        right[i], taken[i] = right[i] + usage, taken[i] + reversal
    return [one - other for one, other in zip(right, taken, strict=True)]


def used_by_version(part: Part, account: Account) -> Any:
    """The usage of an account by the start of the version that it was billed under; of a plan just that."""
    booked = {utc(version.start): version.used for version in account.versions}
    if booked or not account.used or not isinstance(part.agreed, Contract):
        return booked or account.used
    # It was billed before its terms changed, and what was used is of the version that held then.
    return {part.since: account.used}


def _without_labels(usages: list[Usage]) -> list[dict[str, Decimal]]:
    """Quantities by the name of their meter: an account folds labels that no price looks at."""
    found = list[dict[str, Decimal]]()
    for usage in usages:
        names = dict[str, Decimal]()
        for meter, quantity in usage.items():
            names[meter.name] = decimal(plus(names.get(meter.name, ZERO), quantity))
        found.append(names)
    return found
