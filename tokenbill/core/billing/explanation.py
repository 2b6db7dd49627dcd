"""Explanations: how a bill comes about, as a tree of sums that a clerk can redo."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from attrs import evolve, frozen

from tokenbill.core.base.tables import digits, html_table, plain
from tokenbill.core.base.values import Value
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import ZERO, Exact, Number, decimal, exact_sum, shifted
from tokenbill.core.periods.period import Period
from tokenbill.core.pricing.breakdown import PriceComponent, amount_at, breakdown_at, rule_of, units
from tokenbill.core.pricing.price import After, Combinator, Price
from tokenbill.core.pricing.wording import numbers_of
from tokenbill.core.rating.bill_delta import BillDelta, with_statements
from tokenbill.core.rating.bill_request import BillRequest, used_in
from tokenbill.core.rating.compiled_plan import CompiledPlan
from tokenbill.core.rating.lines import Charge, LineItem
from tokenbill.core.rating.statement import used_items
from tokenbill.core.rating.version_items import EntryItem
from tokenbill.errors import InvalidPrice

if TYPE_CHECKING:
    from tokenbill.core.plans.contract import Clause

__all__ = ["Explanation", "explained", "explained_price", "settlement"]

Inputs: TypeAlias = "tuple[tuple[str, Exact], ...]"
"""What a rule was applied to, by name: quantities in units of the meter, amounts in the currency."""

STAGES: Final = "docs/explanation/stages.md"
PAGES: Final = {
    "fee": f"{STAGES}#fees",
    "usage": f"{STAGES}#units-allowance-price",
    "tokens": f"{STAGES}#tokens",
    "discount": f"{STAGES}#discounts",
    "maximum": f"{STAGES}#maximum-and-minimum",
    "minimum": f"{STAGES}#maximum-and-minimum",
    "credit": "docs/explanation/credits.md#where-in-a-bill-credit-pays",
    "tax": f"{STAGES}#taxes",
    "adjustment": "docs/explanation/contracts.md#what-the-account-keeps",
    "rounding": f"{STAGES}#invoice-level-or-line-level-rounding",
}
"""The pages of what stands on a bill, by kind of line."""


@frozen(repr=False)
class Explanation(Value):
    """An amount, the rule that gave it and the steps to it; it prints as text, steps indented.

    ``inputs`` are what the rule was applied to, ``value`` is the result to the last digit, ``page`` the
    part of the documentation on the rule. A node without ``text`` only gathers its steps.

    >>> from tokenbill import PerUnit
    >>> print(explained_price((PerUnit("0.01") * 3).capped(5), Decimal(200)))
    at most 5 of 6.00 = 5
      2.00 × 3 = 6.00
        200 × 0.01 = 2.00
    """

    title: str
    rule: str
    inputs: Inputs
    value: Exact
    page: str
    text: str
    steps: tuple[Explanation, ...] = ()

    @property
    def exact(self) -> Fraction:
        """The value as a Fraction."""
        return Fraction(self.value)

    def walk(self, level: int = 0) -> Iterator[tuple[int, Explanation]]:
        """Each node with how deep it stands, in the order of reading."""
        if self.text:
            yield level, self
        for step in self.steps:
            yield from step.walk(level + bool(self.text))

    def __str__(self) -> str:
        return "\n".join(f"{'  ' * level}{node.text}" for level, node in self.walk())

    def to_rows(self) -> list[dict[str, str]]:
        """The nodes as text by column: level, title, rule, inputs, value and page."""
        return [
            {
                "level": str(level),
                "title": node.title,
                "rule": node.rule,
                "inputs": ", ".join(f"{name} {plain(value)}" for name, value in node.inputs),
                "value": plain(node.value),
                "page": node.page,
            }
            for level, node in self.walk()
        ]

    def _repr_html_(self) -> str:
        told = [("\u2003" * level + node.text, node) for level, node in self.walk()]
        rows = [(text, _shown(node.value), node.page) for text, node in told]
        return html_table(("how it comes about", "amount", "explained in"), rows, numbers=(1,))


def explained(
    lines: Sequence[LineItem], plan: CompiledPlan, request: BillRequest, delta: BillDelta
) -> Explanation:
    """How a bill comes about: a step for each line, and under an entry's last one the way along its price.

    *request* is what the bill was asked with, *delta* what it adds to its account. Tokens sold for money are
    told below the last line of usage.
    """
    sold = tuple(_sold(plan, with_statements(delta, request, plan))) if plan.plan.token_price else ()
    ways = _ways(plan, request)
    # An entry may have a line for each tier: the way along its price is told once, below the last.
    last = {line.meter: i for i, line in enumerate(lines) if line.kind == "usage"}
    steps: list[Explanation] = []
    for i, line in enumerate(lines):
        sale = sold if i == max(last.values(), default=None) else ()
        way = ways.get(line.meter) if line.kind == "usage" else None
        below = tuple(_steps(way, plan)) if way and last[line.meter] == i else ()
        page, text, rule = way[0].price.PAGE if way else PAGES[line.kind], line.explain(), line.charge.rule
        if plan.whole_lines and "≈" in text and line.kind in ("fee", "usage"):
            text, rule = f"{text}, {plan.rounding.rule}", f"{rule}, {plan.rounding.rule}".lstrip(", ")
        inputs = _given(line, line.quantity)
        title = line.charge.description
        steps.append(Explanation(title, rule, inputs, line.precise, page, text, below + sale))
    together = exact_sum(line.precise for line in lines)
    return Explanation("total", "the lines together", (), together, STAGES, "", tuple(steps))


class Point(NamedTuple):
    """A point on the curve of an entry, from whose amounts that of its lines follows, with its sign.

    ``is_told`` says that the lines alone leave open how it was done.
    """

    sign: int
    said: str
    price: Price
    quantity: Decimal
    is_told: bool


def _ways(plan: CompiledPlan, request: BillRequest) -> dict[Meter | None, list[Point]]:
    """The points on the curves of each entry: those where the period stands, less those that were billed."""
    versions, opening = request.versions, request.opening
    found: dict[Meter | None, list[Point]] = {}
    if versions is None:
        now = _points(used_items(plan, [used_in(request)]), (), 1)
        past = _points(used_items(plan, [opening.used]), (), -1) if opening.used else ()
    else:
        now = _points(used_items(plan, versions.usages), versions.clauses, 1)
        is_new = versions.restate or opening.is_fresh
        billed = () if is_new else used_items(versions.past, versions.past_usages)
        past = _points(billed, versions.past_clauses, -1)
    # An amount is a difference of two points on one curve: where the period stands, and where it stood.
    for key, point in now:
        found.setdefault(key, []).append(point)
    for key, point in past:
        points = found.setdefault(key, [])
        # what was billed before and stands as it stood says nothing of the difference
        same = [each for each in points if versions and each[2:4] == point[2:4] and each.sign != point.sign]
        points[:] = [each for each in points if each is not same[0]] if same else [*points, point]
    return found


def _points(
    items: Sequence[EntryItem], clauses: Sequence[Clause], sign: int
) -> Iterator[tuple[Meter, Point]]:
    """The points that the amounts of items are differences of, where terms change with the part of each."""
    for item in items:
        part = ""
        if clauses:
            first, last = (clauses[item.versions[end]].period for end in (0, -1))
            part = f"{Period(first.start, last.end)}, {'' if sign > 0 else 'billed before, '}"
        price = item.curve.price
        # An allowance before a plain price has lines that say all; any other price within a price has not.
        inner = price.price if isinstance(price, After) else price
        is_told = isinstance(inner, Combinator) or item.is_lowered
        # A version that begins at the start of the period has nothing before it to subtract.
        for each, quantity in ((sign, item.after), (-sign, item.before)):
            if each == sign or (not item.is_first and (quantity or amount_at(price, ZERO))):
                said = f"{part}{'at' if each > 0 else 'less at'}"
                yield item.curve.key, Point(each, said, price, Decimal(quantity), is_told)


def _given(line: LineItem, quantity: Exact | None) -> Inputs:
    """What the arithmetic of a line begins with."""
    fee = line.charge.fee or None
    named = (("quantity", quantity), ("rate", line.rate), ("per", line.per), ("fee", fee))
    return tuple((name, value) for name, value in named if value is not None)


def _steps(points: Sequence[Point], plan: CompiledPlan) -> Iterator[Explanation]:
    """Where the price of an entry is made of others, or has tokens to sell: each step along it."""
    unit = plan.plan.pricing_unit.code if plan.plan.token_price else ""
    if unit or any(point.is_told for point in points):
        for _, said, price, quantity, _ in points:
            step = _way(price, quantity)
            text = f"{said} {quantity:f}: {step.text}"
            yield evolve(step, text=f"{text} {unit}".rstrip())


def _sold(plan: CompiledPlan, delta: BillDelta) -> Iterator[Explanation]:
    """Where tokens are sold for money: the token price of all that the balance does not cover."""
    unit = plan.plan.pricing_unit
    for sign, statement in ((1, delta.after), (-1, delta.before)):
        upto = 0
        # A later version sells after what an earlier one sold, so its price goes on where that one ended.
        for price, rest in statement.tokens_sold if statement is not None else ():
            points, upto = [(sign, upto + rest), (-sign, upto)], upto + rest
            for each, tokens in points if points[1][1] else points[:1]:
                sold, said = shifted(tokens, unit.places), "tokens at" if each > 0 else "less tokens at"
                step = _way(price, sold)
                yield evolve(step, text=f"{said} {sold:f} {unit.code}: {step.text}", page=PAGES["tokens"])


def settlement(total: Decimal, delta: BillDelta, request: BillRequest) -> Iterator[str]:
    """The total of a bill in words, and where it is not what is due, how it becomes that.

    What grants of tokens and promotional credit paid is in the total already.
    """
    plan, credit, code = request.plan, request.opening.credit_balance, request.plan.currency.code
    yield f"total: {total:f} {code}"
    if "settles" in dict(request.about):
        yield f"settles the hold {dict(request.about)['settles']}, whose rest is free again"
    if not delta.drawn and delta.due == total:
        return
    if credit:
        yield f"credit balance before: {credit:f} {code}"
    grants = {grant.id: grant for grant in request.opening.balance.grants}
    for key, amount in delta.drawn:
        grant = grants[key]
        # Tokens and promotional credit lower the charges that taxes are on; money paid ahead pays the total.
        is_within = grant.kind == "promotional" or grant.currency != plan.currency
        said = "in the total already, paid by" if is_within else "less paid by"
        yield f"{said} {grant.id}: {amount:f} {grant.currency.code}"
    if delta.credit_balance:
        yield f"credit balance after: {delta.credit_balance:f} {code}"
    yield f"due: {delta.due:f} {code}"


def explained_price(price: Price, quantity: Number) -> Explanation:
    """How the amount of a price at one quantity comes about, price within price.

    Raises:
        InvalidPrice: If *price* is none, or the quantity is negative.
        InvalidNumber: If the quantity is no number that a usage can hold.
    """
    request: object = price
    if not isinstance(request, Price):
        raise InvalidPrice("not a price", request, 'write one: PerUnit("0.10")')
    return _way(price, units(quantity))


def _way(price: Price, quantity: Exact) -> Explanation:
    """A price within a price may be reached by a quantity that no usage holds."""
    amount = amount_at(price, quantity)
    if isinstance(price, Combinator):
        below = [_way(part, reached) for part, reached in price.inputs(quantity)]
        reached = below[0].inputs[0][1]
        told = price.arithmetic(_shown(quantity), _shown(reached), [_shown(step.value) for step in below])
        steps, text = below, _equation(told, amount, reached)
    else:
        steps, text = _components(price, quantity, amount)
    inputs, title = (("quantity", quantity), *numbers_of(price)), type(price).__name__
    return Explanation(title, rule_of(price), inputs, amount, price.PAGE, text, tuple(steps))


def _components(price: Price, quantity: Exact, amount: Exact) -> tuple[list[Explanation], str]:
    """The steps and the sum of a price that is made of no others: its tiers, where there are several."""
    steps = [_component(price, component) for component in breakdown_at(price, quantity)]
    # One tier alone is the price itself: its sum would be told twice.
    if len(steps) == 1:
        return [], steps[0].text
    told = [evolve(step, text=f"{step.title}: {step.text}") for step in steps]
    return told, _equation(" + ".join(_shown(step.value) for step in steps), amount)


def _component(price: Price, component: PriceComponent) -> Explanation:
    rate = None if component.rate is None else decimal(component.rate)
    title, fee = component.label or type(price).__name__, decimal(component.fee)
    charge = Charge("usage", None, title, rate, component.per, component.round, fee)
    line = LineItem(charge, decimal(component.quantity), decimal(component.amount), component.amount)
    inputs = _given(line, component.quantity)
    text = line.arithmetic()
    if component.quantity != line.quantity:
        text = text.replace(" = ", " ≈ ")  # what is shown of the quantity is not all of it
    return Explanation(title, rule_of(price), inputs, component.amount, price.PAGE, text)


def _equation(told: str, *values: Exact) -> str:
    """A sum and its result, the first of the *values*; about, where a Decimal does not hold one of them."""
    exact = all(value == decimal(value) for value in values)
    return f"{told} {'=' if exact else '≈'} {_shown(values[0])}"


def _shown(value: Exact) -> str:
    return digits(decimal(value))
