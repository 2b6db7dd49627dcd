"""Top-up rules: when to buy credit, how much, and how often at most; nothing here buys anything."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, cast

from attrs import field, frozen

from tokenbill.core.base.inputs import EMPTY, listed_of
from tokenbill.core.base.inputs import name as checked_name
from tokenbill.core.base.values import Value
from tokenbill.core.billing.account_fields import unit as optional_unit
from tokenbill.core.credits.balance import Balance
from tokenbill.core.credits.draw_limits import DrawLimit, draw_limit
from tokenbill.core.credits.grants import Grant, credit
from tokenbill.core.credits.ledger import total
from tokenbill.core.credits.windows import Windows, with_sum
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, exact_sum
from tokenbill.core.periods.instants import iso_text, midnight, moment, zone
from tokenbill.core.periods.spans import optional_span, span_seconds
from tokenbill.core.plans.levels import in_force
from tokenbill.core.pricing.of import Of
from tokenbill.core.pricing.price import Price
from tokenbill.errors import InvalidCurrency, InvalidGrant

__all__ = ["TopUp", "bought_after", "due_grants", "top_ups_of"]

BOUGHT = "bought in "
YEAR = timedelta(days=366)


def _name(value: object) -> str:
    return checked_name(value, what="name of a top-up")


def _most(value: Any) -> DrawLimit | None:
    limit = draw_limit(value)
    if limit is not None and (limit.cycle is None or limit.on is not None):
        raise InvalidGrant("not a limit of top-ups", value, 'write most=("100", Cycle.monthly())')
    return limit


def _bonus(_: object, __: object, value: Price | Of | None) -> None:
    if not isinstance(cast(object, value), Price | Of | None):
        raise InvalidGrant("a bonus that is no curve", value, 'write a price: PerUnit("0.10")')
    # what charges come to only a plan tells, and an account has none
    if isinstance(value, Of) and value.amount_of is not None:
        raise InvalidGrant("a bonus of an amount", value.name, "read a level, or what was used of a meter")


@frozen(repr=False)
class TopUp(Value):
    """A rule that says which credit is to be bought: when little is left, up to an amount, not too often.

    Args:
        below: It buys when less than this is usable for everything.
        to: It buys what lifts that to this amount.
        most: The most that is bought in a period of a cycle, whoever bought it: an amount and the cycle.
        cooloff: How long after the last purchase it waits: ``30m``, ``1h``, ``1d``.
        bonus: A curve: what is given on top of an amount that is bought, as a promotional grant.
            ``curve.of("seats")`` reads a level that the account knows, or what its period used of a meter.
        currency: Left out, that of the balance.
        name: What the ids of its grants begin with.

    Raises:
        InvalidGrant, InvalidNumber, InvalidCurrency, InvalidPlan: For parts that are none.

    Source: docs/explanation/credits.md#top-up-rules

    >>> TopUp(below=5, to=20).below
    Decimal('5')
    """

    below: Decimal = field(converter=credit)
    to: Decimal = field(converter=credit)
    most: DrawLimit | None = field(default=None, converter=_most)
    cooloff: str | None = field(default=None, converter=optional_span)
    bonus: Price | Of | None = field(default=None, validator=_bonus)
    currency: Currency | None = field(default=None, converter=optional_unit)
    name: str = field(default="top-up", converter=_name)

    def __attrs_post_init__(self) -> None:
        if self.to < self.below:
            raise InvalidGrant(
                "a top-up that ends below where it begins", self.to, "give to= no less than below="
            )


def top_ups_of(value: Any) -> tuple[TopUp, ...]:
    """*value* as top-up rules, one or several of different names."""
    if value is EMPTY:
        return ()
    listed = (value,) if isinstance(value, TopUp) else listed_of(value)
    for each in (value,) if listed is None else listed:
        if not isinstance(each, TopUp):
            raise InvalidGrant("not a top-up rule", each, "write TopUp(below=5, to=20)")
    rules: tuple[TopUp, ...] = tuple(listed or ())
    if len({rule.name for rule in rules}) < len(rules):
        raise InvalidGrant("two top-up rules of one name", rules[-1].name, "give each its own name=")
    return rules


def due_grants(account: Any, at: date | str) -> Iterator[Grant]:
    """The grants that rules of an account would have bought at a moment, each with its cost."""
    when, balance = moment(at), cast(Balance, account.balance)
    for rule in account.top_ups:
        unit = _currency_of(rule, balance)
        usable = balance.usable(when, currency=unit) if unit in balance.currencies else ()
        # a grant with a scope is no reserve: the next request may be of something else
        left = total(amount for grant, amount in usable if grant.on is None)
        amount = decimal(difference(rule.to, left))
        bought = [*_purchases(balance, unit)]
        bought += [(it.start, decimal(it.used)) for it in account.windows if it.key == f"{BOUGHT}{unit.code}"]
        # of a purchase of which only the day is known, that day's midnight begins the wait
        wait = timedelta(seconds=0 if rule.cooloff is None else span_seconds(rule.cooloff))
        if left >= rule.below or (wait and any(_day(when) - _day(day) < wait for day, _ in bought)):
            continue
        if rule.most is not None:
            start, most = rule.most.start(when), rule.most.amount
            spent = exact_sum(cost for day, cost in bought if rule.most.start(day) == start)
            amount = min(amount, decimal(difference(most, spent)))
        if amount > 0:
            id = f"{rule.name} {iso_text(when)}"
            yield Grant(id, amount, unit, created=when, cost=amount)
            extra = _extra(rule.bonus, amount, account, when)
            if extra:
                yield Grant(f"{id} bonus", extra, unit, created=when, cost=0, kind="promotional")


def _extra(bonus: Price | Of | None, amount: Decimal, account: Any, when: date) -> Exact:
    """What is given on top of an amount: by that amount, or by another quantity that the account knows."""
    if not isinstance(bonus, Of):
        return ZERO if bonus is None else bonus(amount)
    levels = in_force(account.levels, {bonus.of}, when, default=False)
    if bonus.of in levels:
        return bonus.at(levels[bonus.of])
    read = Meter(bonus.of)
    return bonus.at(exact_sum(quantity for meter, quantity in account.used.items() if read.includes(meter)))


def bought_after(before: Balance, after: Balance, windows: Windows, rules: tuple[TopUp, ...]) -> Windows:
    """The windows of an account with what grants cost that left its balance, while a rule may ask it."""
    if not rules:
        return windows
    ids = {grant.id for grant in after.grants}
    for unit in before.currencies:
        for grant in before.grants:
            if grant.id not in ids and grant.currency == unit:
                for day, cost in _purchases(Balance([grant]), unit):
                    windows = with_sum(windows, f"{BOUGHT}{unit.code}", day, cost)
    # a year and a day cover any cycle that limits purchases by custom
    last = max((each.start for each in windows if each.key.startswith(BOUGHT)), default=None, key=_day)
    return tuple(
        each
        for each in windows
        if not (each.key.startswith(BOUGHT) and last is not None and _day(last) - _day(each.start) > YEAR)
    )


def _day(value: date) -> datetime:
    return value.astimezone(UTC) if isinstance(value, datetime) else midnight(value, zone("UTC"))


def _currency_of(rule: TopUp, balance: Balance) -> Currency:
    if rule.currency is not None:
        return rule.currency
    if len(balance.currencies) != 1:
        codes = ", ".join(map(str, balance.currencies)) or "none"
        raise InvalidCurrency("a top-up of no one currency", codes, "say which: TopUp(currency=…)")
    return balance.currencies[0]


def _purchases(balance: Balance, unit: Currency) -> Iterator[tuple[date, Decimal]]:
    """What was paid for grants, by the day on which they were made."""
    for grant in balance.grants:
        if grant.kind == "paid" and grant.currency == unit and grant.created is not None:
            yield grant.created, grant.amount if grant.cost is None else grant.cost
