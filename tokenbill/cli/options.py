"""The request that the options of ``bill`` make."""

from __future__ import annotations

import re
import sys
from argparse import Namespace
from collections.abc import Mapping
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple

from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.contract import Contract
from tokenbill.core.plans.plan import BillingPlan
from tokenbill.core.plans.rhythms import plan_alone
from tokenbill.core.pricing.price_book import PriceBook
from tokenbill.core.pricing.rates import PerUnit
from tokenbill.core.pricing.schedule import PriceSchedule
from tokenbill.errors import (
    InvalidMeter,
    InvalidPeriod,
    InvalidPrice,
    TokenbillError,
    UnreadableInput,
)
from tokenbill.shared.plan_in_force import plan_in_force
from tokenbill.shared.strict_json import NotJson, decoded

__all__ = ["COUNTED", "KINDS", "Misuse", "Request", "loaded", "period_of", "request_of", "source_of"]

KINDS = ("rows", "cloudevents", "usage", "otel", "payload", "log")
"""What a file may hold, besides answers of a named shape and named logs; ``usage`` is a document."""
NO_PRICES = "no prices: give --price, --plan or --model"
COUNTED = ("rows", "cloudevents", "usage")
"""Kinds that hold no answers of models."""


class Misuse(Exception):
    """Arguments that make no sense: the fault of who typed them, not of the data."""


class Request(NamedTuple):
    """What the options of ``bill`` ask for.

    Where the terms change within the period, ``contract`` has them, and ``plan`` is that of the last version.
    ``time`` is the column that says when a row was used.
    """

    by: tuple[str, ...]
    sums: list[tuple[Meter, str]]
    counts: list[Meter]
    plan: BillingPlan | None
    kind: str
    period: Period | None
    labels: dict[str, str]
    pools: list[tuple[str, str]]
    models: tuple[str, ...]
    provider: str | None
    price_map: Mapping[str, Any] | None
    at: str | None
    time: str | None = None
    contract: Contract | None = None
    where: tuple[tuple[str, str], ...] = ()
    delimiter: str = ","
    tz: str = "UTC"
    ignore: tuple[str, ...] = ()

    @property
    def plans(self) -> tuple[BillingPlan, ...]:
        """The plan, or that of each version in the period."""
        if self.contract is None or self.period is None:
            return (self.terms,)
        return tuple(version.plan for version in self.contract.versions(self.period))

    @property
    def terms(self) -> BillingPlan:
        """The plan; that of answers is known once their models are."""
        if self.plan is None:
            raise Misuse(NO_PRICES)
        return self.plan


def request_of(arguments: Namespace) -> Request:
    """The request that the arguments of ``bill`` make.

    Raises:
        Misuse: If an argument is not valid, or a meter that is filled has no price.
        TokenbillError: If the file of the plan, or the catalog, cannot be read.
    """
    _check(arguments)
    try:
        period = period_of(arguments.period)
    except TokenbillError as error:
        raise Misuse(error) from None
    plan, contract = _terms(arguments, period)
    try:
        sums, counts = [*map(_sum, arguments.sum)], [*map(Meter, arguments.count)]
        # A meter without a price is found before a long file is read.
        # a label and its column have one name where only one is given
        labels = dict(
            _pair(text, "LABEL=COLUMN") if "=" in text else (text, text) for text in arguments.label
        )
        if plan is not None and contract is None and not labels:
            for meter in [*(meter for meter, _ in sums), *counts]:
                plan.prices.match(meter)
    except TokenbillError as error:
        raise Misuse(error) from None
    path: str | None = arguments.price_map if plan is None else None
    return Request(
        by=tuple(arguments.by),
        sums=sums,
        counts=counts,
        plan=plan,
        kind=arguments.kind,
        period=period,
        labels=labels,
        pools=[_pair(text, "PART=WHOLE") for text in arguments.pool],
        models=tuple(arguments.model),
        provider=arguments.provider,
        price_map=None if path is None else _json_of(path),
        at=arguments.at,
        time=arguments.time,
        contract=contract,
        where=tuple(_pair(text, "COLUMN=TEXT") for text in arguments.where),
        delimiter="\t" if arguments.delimiter in ("tab", "\\t") else arguments.delimiter,
        tz=arguments.tz,
        ignore=tuple(arguments.ignore),
    )


def source_of(file: str) -> Any:
    """What is read: a path, or standard input, which is named ``-``.

    Raises:
        UnreadableInput: If standard input is closed.
    """
    if file != "-":
        return Path(file)
    if getattr(sys, "stdin", None) is None:
        raise UnreadableInput("nothing to read on standard input, which is closed", file, "name a file")
    # Bytes, so that the reader finds the encoding of a file by its first bytes, and not by the locale.
    return getattr(sys.stdin, "buffer", sys.stdin)


def period_of(text: str | None) -> Period | None:
    """The period of ``--period START/END``, where one is said.

    Raises:
        InvalidPeriod: If the text is none.
    """
    if text is None:
        return None
    # a zone in brackets has a slash of its own
    ends = re.split(r"/(?![^\[\]]*\])", text)
    if len(ends) != 2:
        raise InvalidPeriod("not a period", text, "write START/END, as in 2026-01-01/2026-02-01")
    return Period(*ends)


def _pair(text: str, form: str) -> tuple[str, str]:
    first, equals, second = text.partition("=")
    if not (first and equals and second):
        raise Misuse(f"not {form}: {quoted(text)}")
    return first, second


def _check(arguments: Namespace) -> None:
    """Refuse options that contradict each other."""
    kind: str = arguments.kind
    if kind not in KINDS:
        from tokenbill.payloads import LOGS, SHAPES

        known: list[str] = list(dict.fromkeys([*KINDS, *LOGS, *SHAPES]))
        if kind not in known:
            near = get_close_matches(kind, known, n=1)
            hint = f"did you mean {quoted(near[0])}?" if near else f"give one of {', '.join(known)}"
            raise Misuse(f"not a kind of row: {quoted(kind)}; {hint}")
    if kind != "rows" and (arguments.sum or arguments.count or arguments.label or arguments.pool):
        raise Misuse("--sum and --count read columns; leave them out, or read rows: --as rows")
    # a time alone chooses nothing, and all rows would be billed as if it had
    if arguments.time and (kind != "rows" or not arguments.period):
        raise Misuse("--time is a column of rows, and their times lie in a period; give --period")
    _check_rows(arguments)
    if (arguments.label or arguments.pool) and not arguments.sum:
        raise Misuse("--label and --pool say more of the columns that --sum adds up; give --sum")
    if kind in COUNTED and not (arguments.price or arguments.plan or arguments.model):
        raise Misuse(NO_PRICES)
    if kind in COUNTED and len(arguments.model) > 1:
        raise Misuse("only answers name their models; give one --model, or a --plan with their prices")
    is_addressed = arguments.issuer and (arguments.account or arguments.by)
    if arguments.format == "focus" and not (is_addressed and arguments.period):
        asked = "FOCUS asks who sends the bill, for what time, and to whom"
        raise Misuse(f"{asked}: give --issuer and --period, and --by COLUMN or --account")
    own = kind not in COUNTED and not (arguments.price or arguments.plan)
    if (arguments.provider or arguments.price_map) and not arguments.model and not own:
        raise Misuse("--provider and --price-map say where a model's prices stand; give --model")
    if arguments.ignore and not arguments.price_map:
        raise Misuse("--ignore names keys of a map of prices; give --price-map")
    if kind == "cloudevents" and arguments.period and "T" not in arguments.period.upper():
        raise Misuse("events happen at instants: write --period 2026-01-01T00:00:00Z/2026-02-01T00:00:00Z")
    # a document of usage is a sum already, and nobody's rows are in it any more
    if kind == "usage" and arguments.by:
        raise Misuse("a document of usage has no columns; leave out --by")


def _check_rows(arguments: Namespace) -> None:
    """Refuse options that rows cannot have, or nothing but rows."""
    if len(arguments.delimiter) != 1 and arguments.delimiter not in ("tab", "\\t"):
        raise Misuse(f"not one mark: --delimiter {quoted(arguments.delimiter)}; give ; or tab")
    if arguments.kind != "rows" and (arguments.where or arguments.delimiter != ","):
        raise Misuse("--where and --delimiter say more of rows; leave them out, or read rows: --as rows")


def _terms(arguments: Namespace, period: Period | None) -> tuple[BillingPlan | None, Contract | None]:
    """The plan of a file, or one on demand, at the prices of the arguments or those of a model.

    Answers bring their models with them: without other terms their plan is made when they are read. Of terms
    that change in the period it is the plan of the last version, beside the contract.
    """
    terms: Any = None
    if arguments.plan is not None:
        terms = loaded(arguments.plan)
    elif not arguments.price and arguments.kind not in COUNTED:
        return None, None
    elif arguments.model:
        from tokenbill import catalog

        [model] = arguments.model
        if arguments.price_map is not None:
            prices = _json_of(arguments.price_map)
            terms = catalog.from_price_map(prices, model=model, ignore=arguments.ignore)
        else:
            terms = catalog.schedule(model, arguments.provider, arguments.at)
    else:
        try:
            terms = PriceSchedule([*map(_price, arguments.price)], currency=arguments.currency)
        except TokenbillError as error:
            raise Misuse(error) from None

    # Of a book only one version holds, and no clock is read to choose it.
    if isinstance(terms, PriceBook):
        if arguments.at is None:
            name = arguments.plan or arguments.model[0]
            raise Misuse(f"the prices of {name} depend on the date; give --at")
        terms = terms.on(arguments.at)
    if isinstance(terms, BillingPlan | Contract):
        contract = terms if isinstance(terms, Contract) else Contract(terms)
        if period is not None and plan_alone(contract, period) is None:
            return contract.versions(period)[-1].plan, contract
        return plan_in_force(terms, period), None
    if not isinstance(terms, PriceSchedule):
        kind = type(terms).__name__
        raise Misuse(f"{arguments.plan} holds a {kind}, neither a plan nor a schedule of prices")
    return BillingPlan.on_demand(terms), None


def loaded(path: str) -> Any:
    """The document of a plan file; an error of its text names the file."""
    from tokenbill.serial import load

    try:
        return load(Path(path))
    except TokenbillError as error:
        told = str(error)
        if Path(path).name not in told:
            error.args = (f"{path}: {told}",)
        raise


def _json_of(path: str) -> Any:
    try:
        return decoded(Path(path).read_text(encoding="utf-8"))
    except NotJson as problem:
        raise UnreadableInput(str(problem), path, problem.way_out) from None
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise UnreadableInput("cannot read", path, reason) from None


def _sum(text: str) -> tuple[Meter, str]:
    """A meter and the column that it adds up; labels have an = of their own."""
    # "tokens{kind=input}=in_tok": only at the = between both is what stands before it a meter.
    for at, character in enumerate(text):
        if character == "=":
            with suppress(InvalidMeter):
                return Meter(text[:at]), text[at + 1 :]
    return Meter(text), text


def _price(text: str) -> tuple[Meter, PerUnit]:
    meter, equals, rate_per = text.rpartition("=")
    if not equals:
        raise InvalidPrice("not a price", text, "write METER=RATE[/PER], as in gpu_seconds=0.10/3600")
    rate, slash, per = rate_per.partition("/")
    return Meter(meter), PerUnit(rate, per=per if slash else 1)
