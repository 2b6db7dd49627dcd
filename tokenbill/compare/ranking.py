"""Rankings: what several plans bill for the same usage, in order, and the difference of any two by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from attrs import frozen

from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.base.tables import digits, html_table, shortest, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, decimal, difference
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.rating.work import together
from tokenbill.errors import InvalidUsage
from tokenbill.shared.usage_history import Case

__all__ = ["Comparison", "LineDifference", "PlanDifference", "Ranked", "difference_of", "ranked"]

Table: TypeAlias = "tuple[Sequence[str], Iterable[Sequence[str]], Sequence[int]]"


class LineDifference(NamedTuple):
    """What one line, or all of one reason, comes to on two plans: *reason* is the kind, then the meter."""

    reason: str
    description: str
    one: Decimal
    other: Decimal

    @property
    def amount(self) -> Decimal:
        """How much more it is on the other plan."""
        return decimal(difference(self.other, self.one))


@frozen(repr=False)
class PlanDifference(Value):
    """Why the same usage costs more or less on an *other* plan: the lines differ, and add up to the total.

    A line that a plan does not have counts as 0.
    """

    one: str
    other: str
    lines: tuple[LineDifference, ...]
    currency: Currency

    @property
    def total(self) -> Decimal:
        """How much more the other plan costs; negative where it costs less."""
        return together(line.amount for line in self.lines)

    @property
    def reasons(self) -> tuple[LineDifference, ...]:
        """The lines put together by kind and meter: the fees, each meter's usage, the taxes, and so on."""
        alike: dict[str, list[LineDifference]] = {}
        for line in self.lines:
            alike.setdefault(line.reason, []).append(line)
        return tuple(_sum(reason, lines) for reason, lines in alike.items())

    @property
    def told(self) -> str:
        """The difference in a sentence, the largest reasons first."""
        changed = sorted(self.reasons, key=_size, reverse=True)
        why = ", ".join(
            f"{reason.reason} {self._signed(reason.amount)}" for reason in changed if reason.amount
        )
        amount = self.currency.format(Decimal(shortest(self.total.copy_abs())))
        way = f"{amount} {'less' if self.total < 0 else 'more'} than" if self.total else "the same as"
        return f"{self.other} costs {way} {self.one}{why and ': '}{why}"

    def to_rows(self) -> list[dict[str, str]]:
        """The lines as text by column."""
        shared = {"one": self.one, "other": self.other}
        return [{**shared, **_row(line), "currency": self.currency.code} for line in self.lines]

    def __str__(self) -> str:
        return f"{text_table(self._header(), self._cells(), numbers=(2, 3, 4))}\n{self.told}"

    def _repr_html_(self) -> str:
        return html_table(self._header(), self._cells(), numbers=(2, 3, 4), caption=self.told)

    def _header(self) -> tuple[str, ...]:
        return "reason", "line", self.one, self.other, "difference"

    def _cells(self) -> list[tuple[str, ...]]:
        places = self.currency.places
        return [
            (*line[:2], *(_padded(amount, places) for amount in (line.one, line.other, line.amount)))
            for line in self.lines
        ]

    def _signed(self, amount: Decimal) -> str:
        return f"{'+' if amount > 0 else ''}{_padded(amount, self.currency.places)}"


def _sum(reason: str, lines: Sequence[LineDifference]) -> LineDifference:
    one, other = together(line.one for line in lines), together(line.other for line in lines)
    return LineDifference(reason, "", one, other)


def _padded(amount: Decimal, places: int) -> str:
    """An amount in as few digits as say it, with at least so many decimals."""
    whole, _, decimals = shortest(amount).partition(".")
    return ".".join(filter(None, (whole, decimals.ljust(places, "0"))))


def _size(reason: LineDifference) -> Decimal:
    return reason.amount.copy_abs()


def _row(line: LineDifference) -> dict[str, str]:
    numbers = {"amount_one": line.one, "amount_other": line.other, "difference": line.amount}
    return {
        "reason": line.reason,
        "line": line.description,
        **{key: digits(value) for key, value in numbers.items()},
    }


@frozen(repr=False)
class Ranked:
    """One plan of a comparison: its *place*, which ties share, its *total*, and a bill for each case."""

    place: int
    name: str
    plan: BillingPlan
    bills: tuple[Bill, ...]
    total: Decimal

    def __repr__(self) -> str:
        return f"<{self.place}. {self.name}: {self.total:f} {self.plan.currency.code}>"


@frozen(repr=False)
class Comparison:
    """Plans for the same usage, the cheapest first, ties in the order given.

    ``cases`` says where each usage was found: tenants, months, or both; every plan has a bill for each.
    """

    cases: tuple[Case, ...]
    ranking: tuple[Ranked, ...]

    @property
    def best(self) -> Ranked:
        """The cheapest plan; of several, the first one given."""
        return self.ranking[0]

    @property
    def currency(self) -> Currency:
        """What every amount is in."""
        return self.best.plan.currency

    @property
    def why(self) -> tuple[PlanDifference, ...]:
        """What each of the others bills more than the best plan, line by line."""
        return tuple(difference_of(self.best, other) for other in self.ranking[1:])

    def of(self, *case: Any) -> Comparison:
        """The same plans compared for one tenant, for one month, or for one month of a tenant.

        Raises:
            InvalidUsage: If there is none.
        """
        places = [place for place, found in enumerate(self.cases) if _is_same(found[: len(case)], case)]
        if not places:
            known = listed(_text(found) for found in self.cases)
            raise InvalidUsage("nothing compared of", _text(case), f"name one of {known}")
        return self._at(places, len(case))

    def cheapest(self) -> dict[Any, Ranked]:
        """The best plan for each tenant, or for each month of a history."""
        return {first: found.best for first, found in self._by_first().items()}

    def _by_first(self) -> dict[Any, Comparison]:
        """A comparison for each tenant, or for each month of a history."""
        places: dict[Any, list[int]] = {}
        for place, case in enumerate(self.cases):
            for first in case[:1]:
                places.setdefault(first, []).append(place)
        return {first: self._at(found, 1) for first, found in places.items()}

    def _at(self, places: Sequence[int], depth: int) -> Comparison:
        chosen = [(plan.name, plan.plan, [plan.bills[place] for place in places]) for plan in self.ranking]
        return ranked([self.cases[place][depth:] for place in places], chosen)

    def to_rows(self) -> list[dict[str, str]]:
        """One row for each plan and case, as text by column; *place* is that among all cases together."""
        return [
            {
                "plan": plan.name,
                "place": str(plan.place),
                "case": _text(case),
                "total": digits(bill.total),
                "currency": self.currency.code,
            }
            for plan in self.ranking
            for case, bill in zip(self.cases, plan.bills, strict=True)
        ]

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.ranking)} plans, best {self.best!r}>"

    def __str__(self) -> str:
        tables = [text_table(header, rows, numbers=numbers) for header, rows, numbers in self._tables()]
        return "\n\n".join([*tables, *(["\n".join(self._reasons())] if self.why else [])])

    def _repr_html_(self) -> str:
        ranking, *others = self._tables()
        header, rows, numbers = ranking
        first = html_table(header, rows, numbers=numbers, caption="; ".join(self._reasons()))
        return "".join([first, *(html_table(header, rows, numbers=ends) for header, rows, ends in others)])

    def _reasons(self) -> list[str]:
        return [difference.told for difference in self.why]

    def _tables(self) -> list[Table]:
        """The ranking, and where there are several cases, what each plan comes to in each."""
        header = "", "plan", f"total {self.currency.code}", "more"
        rows = [(str(plan.place), plan.name, digits(plan.total), self._more(plan)) for plan in self.ranking]
        return [(header, rows, (0, 2, 3)), *([] if self.cases == ((),) else [self._table_of_cases()])]

    def _more(self, plan: Ranked) -> str:
        return digits(decimal(difference(plan.total, self.best.total)))

    def _table_of_cases(self) -> Table:
        names = [plan.name for plan in self.ranking]
        rows = [
            (_text((first,)), *_totals(found, names), _names_of_best(found))
            for first, found in self._by_first().items()
        ]
        return ("case", *names, "cheapest"), rows, range(1, len(names) + 1)


def _totals(found: Comparison, names: Iterable[str]) -> list[str]:
    totals = {plan.name: digits(plan.total) for plan in found.ranking}
    return [totals[name] for name in names]


def _names_of_best(found: Comparison) -> str:
    return ", ".join(plan.name for plan in found.ranking if plan.place == 1)


def _is_same(found: Case, asked: Case) -> bool:
    """Whether two cases are equal; what cannot be compared, as a NaN cannot, is not."""
    try:
        return bool(found == asked)
    except (ArithmeticError, TypeError, ValueError):
        return False


def _text(case: Case) -> str:
    return " / ".join(part if isinstance(part, str) else quoted(part) for part in case)


def ranked(cases: Iterable[Case], plans: Iterable[tuple[str, BillingPlan, Sequence[Bill]]]) -> Comparison:
    """Plans, named and with their bills for the cases, by what these come to together."""
    found = [(together(bill.total for bill in bills), name, plan, bills) for name, plan, bills in plans]
    totals = [total for total, *_ in found]
    places = [
        Ranked(1 + sum(other < total for other in totals), name, plan, tuple(bills), total)
        for total, name, plan, bills in found
    ]
    return Comparison(tuple(cases), tuple(sorted(places, key=lambda plan: plan.place)))


def difference_of(one: Ranked, other: Ranked) -> PlanDifference:
    """The lines of both plans' bills side by side: those of one kind, meter and description together."""
    first, second = _lines(one.bills), _lines(other.bills)
    lines = tuple(
        LineDifference(*key, first.get(key, ZERO), second.get(key, ZERO)) for key in {**first, **second}
    )
    return PlanDifference(one.name, other.name, lines, one.plan.currency)


def _lines(bills: Iterable[Bill]) -> dict[tuple[str, str], Decimal]:
    """What the lines of several bills come to, by reason and description."""
    found: dict[tuple[str, str], Decimal] = {}
    for line in (line for bill in bills for line in bill.lines):
        key = (" ".join(filter(None, (line.kind, line.meter))), line.description)
        found[key] = together((found.get(key, ZERO), line.amount))
    return found
