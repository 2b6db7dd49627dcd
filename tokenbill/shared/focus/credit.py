"""Credit in FOCUS: what it was bought for, what was lost of it, and which charges it paid."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeAlias

from tokenbill.core.base.tables import shortest
from tokenbill.core.billing.bill import Bill
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.grants import Grant
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import (
    ONE,
    ZERO,
    Exact,
    decimal,
    difference,
    exact_sum,
    plus,
    product,
    ratio,
)
from tokenbill.core.money.iso4217 import MINOR_UNITS
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.breakdown import amount_at
from tokenbill.core.rating.bill_delta import BillDelta
from tokenbill.core.rating.statement import RatedCharge
from tokenbill.errors import CurrencyMismatch, InvalidGrant
from tokenbill.shared.focus.costs import Cost
from tokenbill.shared.focus.purchases import Expired, Purchase
from tokenbill.shared.focus.stretches import ItemKey

__all__ = [
    "Draw",
    "Market",
    "Pair",
    "Purchases",
    "cut_costs",
    "expired_costs",
    "money_draws",
    "purchase_cost",
    "token_draws",
]

UNIT_PRICE = Rounding(places=12)
"""What a price of one credit is rounded to where it does not terminate; costs are products of it."""

Purchases: TypeAlias = "Mapping[str, Purchase]"
"""Purchases by the id of the grant that was bought."""


class Market(NamedTuple):
    """What credit had cost: by its purchase, where one is known, in *unit*."""

    known: Purchases
    unit: Currency
    plan: BillingPlan | None = None

    def bought(self, grant: Grant) -> tuple[Exact, Exact]:
        """What a whole grant had cost, at list and as contracted.

        Without its purchase money is worth itself, and tokens what the plan asks for as many.
        """
        purchase = self.known.get(grant.id)
        if purchase is not None and purchase.currency != self.unit:
            raise CurrencyMismatch(purchase.currency, self.unit)
        if grant.kind != "paid":  # promotional credit had no cost
            return ZERO, ZERO
        if purchase is not None:
            return purchase.list_price, purchase.price
        if grant.currency == self.unit and (self.plan is not None or self.unit.code in MINOR_UNITS):
            return grant.amount, grant.amount
        if self.plan is None or self.plan.token_price is None:
            raise InvalidGrant("credit of unknown price", grant.id, "give its Purchase: purchases=[…]")
        price = amount_at(self.plan.token_price, grant.amount)
        return price, price

    def per_credit(self, grant: Grant) -> tuple[Decimal, Decimal]:
        """What one credit had cost, at list and as contracted, to 12 places."""
        amount = grant.amount or ONE
        at_list, price = (UNIT_PRICE(ratio(price, amount)) for price in self.bought(grant))
        return Decimal(shortest(at_list)), Decimal(shortest(price))

    def value(self, grant: Grant, spent: Decimal, more: Decimal) -> Decimal:
        """What *more* of a grant had cost after *spent*: a difference, so that all of it costs its price."""
        # 100 USD for 30,000 credits is no price that ends: the draws of a grant, each rounded for itself,
        # would not add up to what was paid for it.
        price, amount = self.bought(grant)[1], grant.amount

        def upto(spent: Exact) -> Decimal:
            return decimal(ratio(product(price, min(spent, amount)), amount)) if amount else ZERO

        return decimal(difference(upto(plus(spent, more)), upto(spent)))


class Pair(NamedTuple):
    """One item of a period after this bill, and before it; the difference is what the bill charges.

    Where terms change, ``version`` is the first that it is of now, and ``part`` where those lie.
    """

    after: RatedCharge
    before: RatedCharge | None
    key: ItemKey
    version: int
    part: Period | None

    def change(self, of: str) -> Exact:
        """The change of one of its amounts since the last bill."""
        return difference(getattr(self.after, of), getattr(self.before, of) if self.before else ZERO)

    @property
    def net_change(self) -> Decimal:
        """The change of what is owed for the item: a difference of Decimals, so that bills add up."""
        before = decimal(self.before.net) if self.before else ZERO
        return decimal(difference(decimal(self.after.net), before))


class Draw(NamedTuple):
    """What a grant paid in a bill: in all, by item, and what was once paid for that."""

    grant: Grant
    amount: Decimal
    parts: Sequence[Decimal]
    value: Decimal


def money_draws(bill: Bill, delta: BillDelta, pairs: Sequence[Pair], known: Purchases) -> list[Draw]:
    """The draws of this bill in money, in the order in which grants pay."""
    # Promotional credit has its own rows; here is money that somebody paid ahead.
    grants = [grant for grant in _in_order(bill, bill.plan.currency) if grant.kind == "paid"]
    draws = _changes(grants, pairs, dict(delta.draws), dict(bill.opening.draws_by_charge), "gross")
    # Of a draw that only went from one item to another, the bill owes nothing.
    return [
        Draw(grant, amount, parts, _value(bill, grant, amount, known))
        for grant, amount, parts in draws
        if amount
    ]


def token_draws(bill: Bill, delta: BillDelta, pairs: Sequence[Pair], known: Purchases) -> list[Draw]:
    """The draws of this bill in tokens: those of the period so far less those of its earlier bills."""
    if delta.after is None or bill.plan.token_price is None:
        return []
    # Tokens are drawn on the whole period, so an earlier bill's tokens may move to another grant: the
    # difference gives them back.
    grants = _in_order(bill, bill.plan.pricing_unit)
    before: Mapping[str, Any] = delta.before.draws if delta.before else {}
    draws = _changes(grants, pairs, delta.after.draws, before, "tokens")
    return [Draw(grant, amount, parts, _value(bill, grant, amount, known)) for grant, amount, parts in draws]


def _changes(
    grants: Sequence[Grant],
    pairs: Sequence[Pair],
    after: Mapping[str, Any],
    before: Mapping[str, Any],
    of: Literal["gross", "tokens"],
) -> Iterator[tuple[Grant, Decimal, list[Decimal]]]:
    """What each grant pays more of each item, or less, than it had paid; *of* is what it pays of an item."""
    items = [(pair.key, pair.after.key, getattr(pair.after, of)) for pair in pairs]
    had = [(pair.key, pair.before.key, getattr(pair.before, of)) for pair in pairs if pair.before]
    now, then = _by_item(after, items), _by_item(before, had or items)
    for grant in grants:
        mine, earlier = now.get(grant.id, {}), then.get(grant.id, {})
        keys = [pair.key for pair in pairs]
        parts = [decimal(difference(mine.get(key, ZERO), earlier.get(key, ZERO))) for key in keys]
        if any(parts):
            yield grant, decimal(exact_sum(parts)), parts


def _by_item(
    draws: Mapping[str, Any], items: Sequence[tuple[ItemKey, str, Decimal]]
) -> dict[str, dict[ItemKey, Decimal]]:
    """What each grant paid, by item: an account knows it by charge, whose items are paid in their order."""
    left = {item: amount for item, _, amount in items}
    found: dict[str, dict[ItemKey, Decimal]] = {}
    for id, parts in draws.items():
        for charge, drawn in dict(parts).items():
            mine, open_ = [item for item, key, _ in items if key == charge], drawn
            for item in mine:
                part = open_ if item == mine[-1] else min(open_, left[item])
                found.setdefault(id, {})[item] = part
                left[item] = decimal(difference(left[item], part))
                open_ = decimal(difference(open_, part))
    return found


def _in_order(bill: Bill, unit: Currency) -> list[Grant]:
    """The grants in a currency, those first that the bill drew on, in the order of drawing."""
    opening = bill.opening
    # A grant that is empty or expired by now may have paid earlier bills of the period: it comes last.
    at, period = bill.request.at, bill.period
    usable = opening.balance.usable(at, period=period, currency=unit, drawn=opening.draws)
    first = [grant for grant, _ in usable]
    rest = [grant for grant in opening.balance.grants if grant.currency == unit and grant not in first]
    return [*first, *rest]


def _value(bill: Bill, grant: Grant, amount: Decimal, known: Purchases) -> Decimal:
    market = Market(known, bill.plan.currency, bill.plan)
    return market.value(grant, _gone(bill.opening.balance, grant.id), amount)


def _gone(balance: Balance, id: str) -> Decimal:
    """What is no longer there of a grant: drawn, or cut by a roll-over."""
    return decimal(plus(dict(balance.draws).get(id, ZERO), dict(balance.forfeited).get(id, ZERO)))


def purchase_cost(purchase: Purchase) -> Cost:
    """The purchase of credit: so many at the price of one, or all as one block where that does not end."""
    grant, amount = purchase.grant, purchase.grant.amount
    at_list, price = Market({grant.id: purchase}, purchase.currency).per_credit(grant)
    quantity, unit = amount, "Credits"
    # FOCUS wants cost = price × quantity to the digit, which a price cut to 12 places may miss.
    if (product(at_list, amount), product(price, amount)) != (purchase.list_price, purchase.price):
        at_list, price = purchase.list_price, purchase.price
        quantity, unit = ONE, f"{shortest(amount)} Credits"
    cost = Cost(
        "Purchase", "credits", f"prepaid credit {grant.id}", label=grant.currency.code,
        quantity=quantity, unit=unit, list_price=at_list, price=price,
    )  # fmt: skip
    return cost.worth(purchase.price)._replace(effective=ZERO)


def expired_costs(expired: Expired, known: Purchases) -> list[tuple[Cost, Currency]]:
    """What ended unused in a period, each with the currency of its price."""
    balance, start, end = expired.balance, expired.period.start, expired.period.end
    costs: list[tuple[Cost, Currency]] = []
    for grant in balance.grants:
        left = balance.left(grant.id)
        if left and grant.kind == "paid" and grant.expired_at(end) and not grant.expired_at(start):
            unit = known[grant.id].currency if grant.id in known else grant.currency
            costs.append((_lost(Market(known, unit), grant, _gone(balance, grant.id), left), unit))
    return costs


def cut_costs(bill: Bill, known: Purchases) -> list[Cost]:
    """What a roll-over cut when the bill closed its period."""
    opening = bill.opening.balance
    if not bill.final or not opening.grants:
        return []
    market = Market(known, bill.plan.currency, bill.plan)
    # The closing account no longer has the grants of which nothing is left.
    closing = opening.drawn_by(dict(bill.draws)).rolled(bill.period.end if bill.period else None)
    before, costs = dict(opening.forfeited), list[Cost]()
    for key, amount in closing.forfeited:
        grant = next(grant for grant in opening.grants if grant.id == key)
        cut = decimal(difference(amount, before.get(key, ZERO)))
        if cut and grant.kind == "paid":
            costs.append(_lost(market, grant, decimal(difference(_gone(closing, key), cut)), cut))
    return costs


def _lost(market: Market, grant: Grant, spent: Decimal, left: Decimal) -> Cost:
    """Credit that ended unused: used up at its price, and so what closes its purchase."""
    at_list, price = market.per_credit(grant)
    code = grant.currency.code
    return Cost(
        "Usage", "credits", f"expired credit {grant.id}", label=code, quantity=left, unit="Credits",
        list_price=at_list, price=price, consumed=ZERO, effective=market.value(grant, spent, left),
        token=None if grant.currency == market.unit else (code, ONE, left),
    )  # fmt: skip
