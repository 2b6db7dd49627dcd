"""Plans on the command line: compared for all customers, and looked over for what is odd."""

from __future__ import annotations

import csv
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tokenbill.cli.options import Misuse, Request, loaded, request_of, source_of
from tokenbill.cli.reading import billed
from tokenbill.core.base.tables import digits, guarded, text_table
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, difference, plus
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import CurrencyMismatch

__all__ = ["compare_plans", "lint_plan", "write_totals"]

TOTALS = ("net", "discount", "credit", "tax", "total", "currency")


def write_totals(bills: Sequence[Bill]) -> None:
    """A row of CSV for each bill: what it comes to, and no lines."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    headings = [heading for bill in bills[:1] for heading in bill.about]
    writer.writerow([*map(guarded, headings), *TOTALS])
    for bill in bills:
        off, credit, tax = (_together(bill, kind) for kind in ("discount", "credit", "tax"))
        net = decimal(plus(difference(bill.total, tax), -credit))
        numbers = (net, -off, -credit, tax, bill.total)
        writer.writerow([*map(guarded, bill.about.values()), *map(digits, numbers), bill.currency])


def _together(bill: Bill, kind: str) -> Any:
    """The amounts of the lines of a kind; of taxes that prices contain, not what is taken off again."""
    amounts = [line.amount for line in bill.lines if line.kind == kind]
    total: Any = ZERO
    for amount in amounts:
        if kind != "tax" or amount > 0:
            total = decimal(plus(total, amount))
    return total


def compare_plans(arguments: Namespace, note: Callable[[str], object]) -> None:
    """What each group would pay under each plan, and which is the cheapest."""
    paths: list[str] = arguments.plan
    # one plan alone would be named the cheapest, which says nothing
    if len(paths) < 2:
        raise Misuse("one plan has nothing to be compared with; give --plan twice")
    source = source_of(arguments.file)
    requests = dict[str, Request]()
    for path in paths:
        request = request_of(Namespace(**{**vars(arguments), "plan": path}))
        label = request.terms.name or Path(path).stem
        if label in requests:
            raise Misuse(f"two plans of one name: {label}; name them in their files")
        requests[label] = request
        first = next(iter(requests.values())).terms.currency
        if request.terms.currency != first:
            raise CurrencyMismatch(first.code, request.terms.currency.code)
    # usage is read once, under one plan: what counts as usage must not depend on the price
    every = list(requests.values())
    reading = next((each for each in every if each.contract is not None), every[0])
    usages, _ = billed(source, reading, {"on_bad_row": None, "progress": None}, note)
    by = tuple(arguments.by)
    rows = list[tuple[str, ...]]()
    for group, usage in (usages if by else {(): usages.get((), Usage())}).items():
        totals = {label: total_under(request, usage, arguments.at) for label, request in requests.items()}
        rows.append((*group, *map(digits, totals.values()), min(totals, key=lambda label: totals[label])))
    header = (*by, *requests, "cheapest")
    if arguments.format == "csv":
        csv.writer(sys.stdout, lineterminator="\n").writerows(
            [[*map(guarded, row)] for row in (header, *rows)]
        )
    else:
        print(text_table(header, rows, numbers=range(len(by), len(header) - 1)))


def total_under(request: Request, usage: Usage | Mapping[date, Usage], at: str | None) -> Decimal:
    """What usage comes to under the terms of a request; a plan asks no dates."""
    if request.contract is None and not isinstance(usage, Usage):
        usage = sum(usage.values(), Usage())
    return Bill.of(usage, request.contract or request.terms, period=request.period, at=at).total


def lint_plan(arguments: Namespace) -> None:
    """What is odd about a plan or a schedule, a finding a line."""
    terms = loaded(arguments.plan_file)
    plans = [terms]
    if isinstance(terms, Contract):
        plans = [terms.plan, *(change.plan for change in terms.amendments)]
    count = 0
    for each in plans:
        prices = each.prices if isinstance(each, BillingPlan) else each
        if not isinstance(prices, PriceSchedule):
            raise Misuse(
                f"{arguments.plan_file} holds a {type(prices).__name__}, which is no plan or schedule"
            )
        # findings are no errors: odd prices are agreed on, too, so the exit code stays 0
        for finding in prices.lint():
            count += 1
            print(finding)
    print(f"{count} {'warning' if count == 1 else 'warnings'}")
