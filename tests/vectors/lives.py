"""Small lives of customers, told step by step, and the ways in which each has to come to the same."""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from attrs import evolve

from tests.support.breakdowns import check_breakdown
from tests.support.engines import Decimals
from tokenbill import Account, Bill, Contract, Period, Usage
from tokenbill.serial import dumps, loads

MARCH, JUNE, JULY = (Period(f"2026-0{month}-01", f"2026-0{month + 1}-01") for month in (3, 6, 7))


class Step(NamedTuple):
    """A bill on a day: what is new in usage, and what it has to say.

    Expected are ``total``, ``due``, ``credit`` (of the customer), ``left`` of grants, ``lines`` of fees,
    ``taxes``, ``minimum`` and ``draws``.
    """

    at: str | None
    usage: Mapping = {}
    expected: Mapping = {}
    final: bool = False
    terms: object = None  # None: those of the step before
    period: Period | None = None  # None: that of the step before
    grants: tuple = ()
    more: Mapping = {}


class Life(NamedTuple):
    """Steps, what their totals, dues and grants come to, and whether any other cut comes to the same."""

    terms: object
    period: Period
    steps: tuple
    sum: str | None = None
    dues: str | None = None
    left: Mapping = {}
    opening: Account = Account()
    cuts: bool = True


def once(terms, period, usage, total, **expected):
    """A life of one final bill."""
    how = {key: expected.pop(key) for key in ("opening", "cuts") if key in expected}
    at = str(period.end) if how.get("opening", Account()).balance.grants else None
    step = Step(at, usage, {"total": total, **expected}, final=True)
    return Life(terms, period, (step,), sum=total, **how)


def money(amount):
    return None if amount is None else Decimal(amount)


def said(bill):
    """What a bill says, by the words of a step."""
    closing = bill.closing
    kinds = {}
    for line in bill.lines:
        kinds.setdefault(line.kind, []).append(line.amount)
    return {
        "total": bill.total,
        "due": bill.due,
        "credit": closing.credit_balance,
        "owed": -closing.credit_balance,
        "left": {grant.id: closing.balance.left(grant.id) for grant in closing.balance.grants},
        "draws": dict(bill.draws),
        "lines": kinds.get("fee", []),
        "charged": sum(kinds.get("usage", [])),
        "taxes": kinds.get("tax", []),
        "minimum": sum(kinds.get("minimum", [])),
        "exact": bill.exact,
        "nets": [row.net for row in bill.breakdown()],
        "net": bill.breakdown().total.net,
    }


def prove(bill):
    """A bill that proves and explains itself, and adds up."""
    bill.verify()
    assert bill.explain()
    check_breakdown(bill)
    assert sum(line.amount for line in bill.lines) == bill.total


def check(bill, expected, where):
    """A bill that says what is expected of it."""
    found = said(bill)
    for what, value in expected.items():
        if isinstance(value, Mapping):
            told = {key: found[what].get(key, 0) for key in value}
            assert told == {key: Decimal(amount) for key, amount in value.items()}, (where, what)
        elif isinstance(value, list):
            assert [amount for amount in found[what] if amount] == [*map(Decimal, value)], (where, what)
        else:
            assert found[what] == (Decimal(value) if "/" not in value else type(found[what])(value)), (
                where,
                what,
            )


def stored(value):
    return loads(dumps(value))


def null_amended(terms, period, until):
    """The same terms, agreed again on several days of a period, up to one."""
    contract = terms if isinstance(terms, Contract) else Contract(terms)
    taken = {change.at for change in contract.amendments}
    for days in (4, 9, 14, 21, 26):
        at = period.start + timedelta(days=days)
        ends = [period.end, *filter(None, (contract.end, until))]
        if at not in taken and all(at < end for end in ends):
            contract = contract.amended(at, contract.plan_at(at))
    return contract


WAYS = {
    "told": (lambda terms, *_: terms, lambda value: value),
    "stored": (lambda terms, *_: stored(terms), stored),
    "amended": (null_amended, lambda value: value),
}


def told(life, way):
    """The bills of a life, step by step; each says what is expected of it."""
    changed, kept = WAYS[way]
    account, terms, period, bills = life.opening, life.terms, life.period, []
    for number, step in enumerate(life.steps):
        terms, period = step.terms or terms, step.period or period
        # terms that are to change later are not agreed for the days after that
        is_last = not any(later.terms for later in life.steps[number + 1 :])
        until = None if is_last else date.fromisoformat(step.at)
        if step.grants:
            account = evolve(account, balance=account.balance.with_grants(*step.grants))
        options = {"period": period, "at": step.at, "final": step.final, **step.more}
        bill = Bill.of(step.usage, changed(terms, period, until), opening=account, **options)
        found = kept(bill) if step.expected else bill
        if step.expected:
            check(found, step.expected, number)
        if way == "told" and (step.expected or number % 10 == 0):
            prove(found)
        bills.append(bill)
        account = kept(bill.closing)
    check_sums(life, bills)
    return bills


def check_sums(life, bills):
    left = {key: Decimal(amount) for key, amount in life.left.items()}
    balance = bills[-1].closing.balance
    assert {key: balance.left(key) for key in left} == left
    if life.sum is not None:
        assert sum(bill.total for bill in bills) == Decimal(life.sum)
    if life.dues is not None:
        assert sum(bill.due for bill in bills) == Decimal(life.dues)


def is_dated(usage):
    return bool(usage) and isinstance(next(iter(usage)), str) and next(iter(usage))[:2] == "20"


def by_day(step, period):
    """The usage of a step by its days; what has no date is of the step's."""
    if not step.usage or is_dated(step.usage):
        return dict(step.usage)
    at = (
        step.at
        if step.at is not None and date.fromisoformat(step.at[:10]) < period.end
        else str(period.start)
    )
    return {at: step.usage}


def periods_of(life):
    """The steps of each period, the terms that they end with, and all usage by day."""
    period, terms, found = life.period, life.terms, []
    for step in life.steps:
        terms = step.terms or terms
        if not found or (step.period or period) != period:
            period = step.period or period
            found.append([period, terms, [], {}, {}])
        found[-1][1] = terms
        found[-1][2].append(step)
        for day, usage in by_day(step, period).items():
            found[-1][3][day] = Usage(found[-1][3].get(day, {})) + Usage(usage)
        for name, levels in step.more.get("levels", {}).items():
            found[-1][4].setdefault(name, {}).update(dict(levels))
    return found


def whole(life):
    """One bill for each period, which bill all that its steps do."""
    account, bills = life.opening, []
    for period, terms, steps, usage, levels in periods_of(life):
        at, final = steps[-1].at, steps[-1].final
        bills.append(Bill.of(usage, terms, period=period, opening=account, at=at, final=final, levels=levels))
        account = bills[-1].closing
    check_sums(life, bills)


def known(terms, day):
    """A contract as it is known on a day: later amendments, and the end, are not yet agreed."""
    if not isinstance(terms, Contract):
        return terms
    changes = [change for change in terms.amendments if str(change.at) <= day]
    end = terms.end if terms.end is not None and str(terms.end) <= day else None
    return evolve(terms, amendments=changes, end=end)


def split(life):
    """A bill for each amendment, each change of a level and each part of usage, the first part late."""
    account, bills = life.opening, []
    for period, terms, steps, usage, levels in periods_of(life):
        parts = [(day, {day: {meter: units}}) for day in sorted(usage) for meter, units in usage[day].items()]
        last = max([day for day, _ in parts], default=str(period.start))
        events = [(day, part, {}) for day, part in parts[1:]]
        events += [(last, part, {}) for _, part in parts[:1]]
        events += [(day, {}, {name: {day: n}}) for name, each in levels.items() for day, n in each.items()]
        changes = terms.amendments if isinstance(terms, Contract) else ()
        inside = [str(change.at) for change in changes if period.start <= change.at < period.end]
        events += [(day, {}, {}) for day in inside]
        for day, part, told_levels in sorted(events, key=lambda event: event[0]):
            options = {"period": period, "at": day, "final": False, "levels": told_levels}
            bills.append(Bill.of(part, known(terms, day), opening=account, **options))
            account = stored(bills[-1].closing) if len(bills) % 2 else bills[-1].closing
        bills.append(
            Bill.of({}, terms, period=period, opening=account, at=steps[-1].at, final=steps[-1].final)
        )
        prove(bills[-1])
        account = bills[-1].closing
    check_sums(life, bills)


def frame_total(life, engine):
    """What rows with their times come to in frames; None where a life has credit, levels or no usage."""
    from tokenbill.frames import totals

    ((period, terms, steps, usage, levels), *others) = periods_of(life)
    has_credit = life.opening != Account() or any(step.grants or step.more for step in steps)
    if others or levels or has_credit or not steps[-1].final or not any(usage.values()):
        return None
    rows = [(day, meter, units) for day in sorted(usage) for meter, units in Usage(usage[day]).items()]
    columns = {
        "at": [f"{day}T00:00:00Z" for day, _, _ in rows],
        "meter": [str(meter) for _, meter, _ in rows],
        "quantity": Decimals([units for _, _, units in rows], 3),
    }
    (row,) = engine.records(totals(engine.frame(columns), terms, period=period, time="at"))
    return row["total"]
