"""Rankings: what several plans bill for the same usage, in order, and the difference of any two by line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from decimal import Decimal
from typing import Any, NamedTuple, TypeAlias

from attrs import frozen

from tokenbill.core.base.quoting import listed, quoted
from tokenbill.core.base.tables import digits, html_table, shortest, text_table
from tokenbill.core.base.values import Value
from tokenbill.core.billing.bill import Bill
from tokenbill.core.money.currencies import Currency
from tokenbill.core.money.decimals import ZERO, Exact, decimal, difference, exact_sum
from tokenbill.core.money.rounding import Rounding
from tokenbill.core.periods.period import Period
from tokenbill.errors import InvalidUsage
from tokenbill.shared.usage_history import Scenario, Terms, first_plan

__all__ = ["Comparison", "LineDifference", "PlanDifference", "RankedPlan", "difference_of", "ranking_of"]

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
        return _together(line.amount for line in self.lines)

    @property
    def reasons(self) -> tuple[LineDifference, ...]:
        """The lines put together by kind and meter: the fees, each meter's usage, the taxes, and so on."""
        alike: dict[str, list[LineDifference]] = {}
        for line in self.lines:
            alike.setdefault(line.reason, []).append(line)
        return tuple(
            LineDifference(
                reason, "", _together(line.one for line in lines), _together(line.other for line in lines)
            )
            for reason, lines in alike.items()
        )

    @property
    def summary(self) -> str:
        """The difference in a sentence, the largest reasons first."""
        changes = [reason for reason in self.reasons if reason.amount]
        changes.sort(key=lambda reason: reason.amount.copy_abs(), reverse=True)
        # A third of a fee has 18 decimals: they are cut for words, unless the sum would not be true then.
        cut = [(reason, Rounding()(reason.amount, self.currency.places)) for reason in changes]
        cut = [(reason, amount) for reason, amount in cut if amount]
        if _together(amount for _, amount in cut) == self.total:
            changes, shown = [reason for reason, _ in cut], [amount for _, amount in cut]
        else:
            shown = [reason.amount for reason in changes]
        amounts = [_padded(amount, self.currency.places) for amount in shown]
        signed = [text if text.startswith("-") else f"+{text}" for text in amounts]
        why = ", ".join(f"{reason.reason} {text}" for reason, text in zip(changes, signed, strict=True))
        amount = self.currency.format(Decimal(shortest(self.total.copy_abs())))
        way = f"{amount} {'less' if self.total < 0 else 'more'} than" if self.total else "the same as"
        return f"{self.other} costs {way} {self.one}{why and ': '}{why}"

    def to_rows(self) -> list[dict[str, str]]:
        """The lines as text by column."""
        return [
            {
                "one": self.one,
                "other": self.other,
                "reason": line.reason,
                "line": line.description,
                "amount_one": digits(line.one),
                "amount_other": digits(line.other),
                "difference": digits(line.amount),
                "currency": self.currency.code,
            }
            for line in self.lines
        ]

    def __str__(self) -> str:
        return f"{text_table(*self._table(), numbers=(2, 3, 4))}\n{self.summary}"

    def _repr_html_(self) -> str:
        return html_table(*self._table(), numbers=(2, 3, 4), caption=self.summary)

    def _table(self) -> tuple[Sequence[str], list[Sequence[str]]]:
        header = ("reason", "line", self.one, self.other, "difference")
        places = self.currency.places
        rows = [
            (*line[:2], *(_padded(amount, places) for amount in (line.one, line.other, line.amount)))
            for line in self.lines
        ]
        return header, [*rows]


def _padded(amount: Decimal, places: int) -> str:
    """An amount in as few digits as say it, with at least so many decimals."""
    whole, _, decimals = shortest(amount).partition(".")
    return ".".join(filter(None, (whole, decimals.ljust(places, "0"))))


@frozen(repr=False)
class RankedPlan:
    """One plan of a comparison: its *place*, which ties share, its *total*, and a bill for each scenario."""

    place: int
    name: str
    plan: Terms
    bills: tuple[Bill, ...]
    total: Decimal

    @property
    def currency(self) -> Currency:
        """What its total is in."""
        return first_plan(self.plan).currency

    def __repr__(self) -> str:
        return f"<{self.place}. {self.name}: {self.total:f} {self.currency.code}>"


@frozen(repr=False)
class Comparison:
    """Plans for the same usage, the cheapest first, ties in the order of the plans.

    ``scenarios`` are the tenants, months, or both, whose usage was billed; every plan has a bill for each.
    """

    scenarios: tuple[Scenario, ...]
    ranking: tuple[RankedPlan, ...]

    @property
    def best(self) -> RankedPlan:
        """The cheapest plan; of several, the first one."""
        return self.ranking[0]

    @property
    def currency(self) -> Currency:
        """What every amount is in."""
        return self.best.currency

    @property
    def why(self) -> tuple[PlanDifference, ...]:
        """What each of the others bills more than the best plan, line by line."""
        return tuple(difference_of(self.best, other) for other in self.ranking[1:])

    def of(self, *scenario: Any) -> Comparison:
        """The same plans compared for one tenant, for one month, or for one month of a tenant.

        Raises:
            InvalidUsage: If there is none.
        """
        places: list[int] = []
        for place, known in enumerate(self.scenarios):
            # What cannot be compared, as a NaN cannot, is no name of a tenant or month.
            with suppress(ArithmeticError, TypeError, ValueError):
                places += [place] if known[: len(scenario)] == scenario else []
        if not places:
            names = listed(_text(known) for known in self.scenarios)
            raise InvalidUsage("not a scenario of the comparison", _text(scenario), f"name one of {names}")
        return self._part(places, len(scenario))

    def cheapest(self) -> dict[Any, RankedPlan]:
        """The best plan for each tenant, or for each month of a history."""
        return {first: part.best for first, part in self._parts().items()}

    def _parts(self) -> dict[Any, Comparison]:
        """A comparison for each tenant, or for each month of a history."""
        places: dict[Any, list[int]] = {}
        for place, scenario in enumerate(self.scenarios):
            for first in scenario[:1]:
                places.setdefault(first, []).append(place)
        return {first: self._part(some, 1) for first, some in places.items()}

    def _part(self, places: Sequence[int], depth: int) -> Comparison:
        bills = [(plan.name, plan.plan, [plan.bills[place] for place in places]) for plan in self.ranking]
        return ranking_of([self.scenarios[place][depth:] for place in places], bills)

    def to_rows(self) -> list[dict[str, str]]:
        """One row for each plan and scenario, as text by column; *place* is that among all together."""
        return [
            {
                "plan": plan.name,
                "place": str(plan.place),
                "scenario": _text(scenario),
                "total": digits(bill.total),
                "currency": self.currency.code,
            }
            for plan in self.ranking
            for scenario, bill in zip(self.scenarios, plan.bills, strict=True)
        ]

    def __repr__(self) -> str:
        return f"<Comparison of {len(self.ranking)} plans, best {self.best!r}>"

    def __str__(self) -> str:
        tables = [text_table(header, rows, numbers=numbers) for header, rows, numbers in self._tables()]
        reasons = [difference.summary for difference in self.why]
        return "\n\n".join([*tables, *(["\n".join(reasons)] if reasons else [])])

    def _repr_html_(self) -> str:
        (header, rows, numbers), *others = self._tables()
        caption = "; ".join(difference.summary for difference in self.why)
        first = html_table(header, rows, numbers=numbers, caption=caption)
        return "".join([first, *(html_table(header, rows, numbers=ends) for header, rows, ends in others)])

    def _tables(self) -> list[Table]:
        """The ranking, and where there are several scenarios, what each plan comes to in each."""
        rows: list[tuple[str, ...]] = []
        for plan in self.ranking:
            more = digits(decimal(difference(plan.total, self.best.total)))
            rows.append((str(plan.place), plan.name, digits(plan.total), more))
        ranking = ("", "plan", f"total {self.currency.code}", "more"), rows, (0, 2, 3)
        if self.scenarios == ((),):
            return [ranking]

        # A part has an order of its own, so its totals go under the names by name, not by place.
        names, rows = [plan.name for plan in self.ranking], []
        for first, part in self._parts().items():
            totals = {plan.name: digits(plan.total) for plan in part.ranking}
            best = ", ".join(plan.name for plan in part.ranking if plan.place == 1)
            rows.append((_text((first,)), *(totals[name] for name in names), best))
        return [ranking, (("scenario", *names, "cheapest"), rows, range(1, len(names) + 1))]


def _text(scenario: Scenario) -> str:
    return " / ".join(str(part) if isinstance(part, str | Period) else quoted(part) for part in scenario)


def ranking_of(
    scenarios: Iterable[Scenario], plans: Iterable[tuple[str, Terms, Sequence[Bill]]]
) -> Comparison:
    """Plans, by name and with their bills for the scenarios, by what these come to together."""
    offers = [(_together(bill.total for bill in bills), name, plan, bills) for name, plan, bills in plans]
    totals = [total for total, *_ in offers]
    # Ties share a place, and the next plan's is as if they had not: 1, 1, 3.
    places = [
        RankedPlan(1 + sum(other < total for other in totals), name, plan, tuple(bills), total)
        for total, name, plan, bills in offers
    ]
    return Comparison(tuple(scenarios), tuple(sorted(places, key=lambda plan: plan.place)))


def difference_of(one: RankedPlan, other: RankedPlan) -> PlanDifference:
    """The lines of both plans' bills side by side: those of one kind, meter and description together."""
    # A line is the same line on both plans if it has the same words: a tier meets the tier of its range.
    first, second = _amounts(one.bills), _amounts(other.bills)
    lines = tuple(
        LineDifference(*key, first.get(key, ZERO), second.get(key, ZERO)) for key in {**first, **second}
    )
    return PlanDifference(one.name, other.name, lines, one.currency)


def _amounts(bills: Iterable[Bill]) -> dict[tuple[str, str], Decimal]:
    """What the lines of several bills come to, by reason and description."""
    amounts: dict[tuple[str, str], Decimal] = {}
    for line in (line for bill in bills for line in bill.lines):
        key = (" ".join(filter(None, (line.kind, line.meter))), line.description)
        amounts[key] = _together((amounts.get(key, ZERO), line.amount))
    return amounts


def _together(amounts: Iterable[Exact]) -> Decimal:
    return decimal(exact_sum(amounts))
