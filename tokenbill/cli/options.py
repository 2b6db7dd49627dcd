"""The options of the command line: what may be asked, and what was."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

from tokenbill.core.base.quoting import quoted
from tokenbill.core.metering.meters import Meter
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan import BillingPlan
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
from tokenbill.shared.strict_json import NotJson, decoded

__all__ = ["LANGUAGES", "Misuse", "Request", "options", "requested"]

LANGUAGES = ("en", "zh")
FORMATS = ("text", "csv", "json", "focus")
EXAMPLES = """\
examples:
  tokenbill bill usage.csv --by customer --sum gpu_hours --price gpu_hours=0.10
  tokenbill bill usage.csv --sum gpu_seconds=exec_time --count api_calls \\
      --price gpu_seconds=0.10/3600 --price api_calls=0.01 --format csv
  tokenbill bill events.jsonl --as cloudevents --by customer --plan plan.toml
  tokenbill bill calls.jsonl --as openai.chat --model gpt-4o --at 2026-11-01T00:00:00Z

Without --sum and --count a row has a "meter" and a "quantity".
"""
KINDS = ("rows", "cloudevents", "otel", "payload", "usage")
"""What a file may hold, besides payloads of a named shape: ``usage`` is a document, the others are rows."""


class Misuse(Exception):
    """Arguments that make no sense."""


class Request(NamedTuple):
    """What the options of ``bill`` ask for."""

    by: tuple[str, ...]
    sums: list[tuple[Meter, str]]
    counts: list[Meter]
    plan: BillingPlan
    kind: str
    period: Period | None
    model: str | None


def options(argv: Sequence[str] | None) -> Namespace:
    """The arguments by name; ``command`` is None, "version", "bill" or "schema".

    Raises:
        Misuse: If they cannot be read.
        SystemExit: After ``--help``.
    """
    parser = _Parser(prog="tokenbill", description="Exact bills for AI usage. Without a command: a dialogue.")
    parser.set_defaults(command=None)
    parser.add_argument(
        "--version", dest="command", action="store_const", const="version", help="print the version"
    )
    parser.add_argument("--lang", choices=LANGUAGES, default=_language(), help="language of the dialogue")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    bill = commands.add_parser(
        "bill",
        help="bill a file of usage",
        description="Bill a file of usage: CSV with a header, or JSON lines.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    _add_bill(bill)
    schema = commands.add_parser("schema", help="print the JSON schema of plan files, for editors")
    schema.set_defaults(command="schema")
    return parser.parse_args(argv)


class _Parser(ArgumentParser):
    """Says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        raise Misuse(f"{message}; see {self.prog} --help")


def _language() -> str:
    """Chinese in a Chinese locale, else English."""
    settings = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    return "zh" if next(filter(None, settings), "").lower().startswith("zh") else "en"


def _add_bill(parser: ArgumentParser) -> None:
    parser.set_defaults(command="bill")
    add = parser.add_argument
    several: dict[str, Any] = {"action": "append", "default": []}
    kind = f"what a row is: {', '.join(KINDS)}, or the shape of a payload, such as openai.chat"
    add("file", metavar="FILE", help="the file; - is standard input")
    add("--as", dest="kind", metavar="KIND", default="rows", help=kind)
    add("--by", metavar="COLUMN", help="make one bill for each value of a column", **several)
    add("--sum", metavar="METER[=COLUMN]", help="a meter adds up its column, or COLUMN", **several)
    add("--count", metavar="METER", help="a meter counts the rows", **several)
    add(
        "--period",
        metavar="START/END",
        help="the service period, two dates or instants; of events, those in it count",
    )
    _add_terms(parser)
    add("--format", choices=FORMATS, default="text", help="what to print: text unless given")
    add("--issuer", metavar="NAME", help="who sends the bill; FOCUS asks for it")
    add("--skip-bad", action="store_true", help="leave out rows that cannot be read, and list them")
    bar = parser.add_mutually_exclusive_group()
    bar.add_argument("--progress", action="store_true", help="show a progress bar in any case")
    bar.add_argument("--quiet", action="store_true", help="show no progress bar")


def _add_terms(parser: ArgumentParser) -> None:
    """What usage costs: prices, a plan, or the prices of a model."""
    price = "what a unit of a meter costs, or PER units"
    terms = parser.add_mutually_exclusive_group(required=True)
    add = terms.add_argument
    add("--price", metavar="METER=RATE[/PER]", help=price, action="append", default=[])
    add("--plan", metavar="FILE", help="a plan or a schedule of prices, in TOML or JSON")
    add("--model", metavar="NAME", help="the prices of a model, as genai-prices lists them")
    add = parser.add_argument
    add("--currency", default="USD", help="currency of --price; USD unless given")
    add("--provider", metavar="NAME", help="who offers the model")
    add("--price-map", metavar="FILE", help="a map of prices, such as litellm's, in place of genai-prices")
    add("--at", metavar="INSTANT", help="when the prices of the model hold, and grants are drawn on")


def requested(arguments: Namespace) -> Request:
    """The request that the arguments of ``bill`` spell.

    Raises:
        Misuse: If an argument is none, or a meter that is filled has no price.
        TokenbillError: If the file of the plan, or the catalog, cannot be read.
    """
    _check(arguments)
    plan = _plan(arguments)
    try:
        sums, counts = [*map(_sum, arguments.sum)], [*map(Meter, arguments.count)]
        for meter in [*(meter for meter, _ in sums), *counts]:
            plan.prices.match(meter)
        period = _period(arguments.period)
    except TokenbillError as error:
        raise Misuse(error) from None
    return Request(tuple(arguments.by), sums, counts, plan, arguments.kind, period, arguments.model)


def _check(arguments: Namespace) -> None:
    """Refuse options that contradict each other."""
    _check_kind(arguments.kind)
    if arguments.kind != "rows" and (arguments.sum or arguments.count):
        raise Misuse("--sum and --count read columns; leave them out, or read rows: --as rows")
    if arguments.format == "focus" and not (arguments.issuer and arguments.period):
        raise Misuse("FOCUS asks who sends the bill, and for what time: give --issuer and --period")
    if (arguments.provider or arguments.price_map) and arguments.model is None:
        raise Misuse("--provider and --price-map say where a model's prices stand; give --model")
    if arguments.kind == "cloudevents" and arguments.period and "T" not in arguments.period.upper():
        raise Misuse("events happen at instants: write --period 2026-01-01T00:00:00Z/2026-02-01T00:00:00Z")
    if arguments.kind == "usage" and arguments.by:
        raise Misuse("a document of usage has no columns; leave out --by")


def _check_kind(kind: str) -> None:
    if kind in KINDS:
        return
    from tokenbill.payloads import SHAPES

    known = [*KINDS, *SHAPES]
    if kind not in SHAPES:
        near = get_close_matches(kind, known, n=1)
        hint = f"did you mean {quoted(near[0])}?" if near else f"give one of {', '.join(known)}"
        raise Misuse(f"no such kind of row: {quoted(kind)}; {hint}")


def _plan(arguments: Namespace) -> BillingPlan:
    """The plan of a file, or one on demand, at the prices given or those of a model."""
    found: Any = None
    if arguments.plan is not None:
        from tokenbill.serial import load

        found = load(Path(arguments.plan))
    elif arguments.model is not None:
        found = _prices_of_model(arguments)
    else:
        found = _prices(arguments)
    if isinstance(found, PriceBook):
        found = _edition(found, arguments)
    if not isinstance(found, BillingPlan | PriceSchedule):
        raise Misuse(f"{arguments.plan} holds a {type(found).__name__}, no plan and no schedule of prices")
    return found if isinstance(found, BillingPlan) else BillingPlan.on_demand(found)


def _prices_of_model(arguments: Namespace) -> PriceSchedule | PriceBook:
    from tokenbill import catalog

    model: str = arguments.model
    if arguments.price_map is not None:
        return catalog.from_price_map(_map_of(arguments.price_map), model=model)
    provider: str | None = arguments.provider
    at: str | None = arguments.at
    return catalog.schedule(model, provider, at)


def _map_of(path: str) -> Any:
    try:
        return decoded(Path(path).read_text(encoding="utf-8"))
    except NotJson as problem:
        raise UnreadableInput(str(problem), path, problem.way_out) from None
    except (OSError, ValueError) as error:
        reason = str(getattr(error, "strerror", None) or error).lower()
        raise UnreadableInput("cannot read", path, reason) from None


def _edition(book: PriceBook, arguments: Namespace) -> Any:
    """The schedule of a book that holds at the instant asked for."""
    if arguments.at is None:
        raise Misuse(f"the prices of {arguments.model or arguments.plan} depend on the date; give --at")
    return book.on(arguments.at)


def _prices(arguments: Namespace) -> PriceSchedule:
    try:
        return PriceSchedule([*map(_price, arguments.price)], currency=arguments.currency)
    except TokenbillError as error:
        raise Misuse(error) from None


def _period(text: str | None) -> Period | None:
    """A period as START/END: two dates, or two instants."""
    if text is None:
        return None
    start, slash, end = text.partition("/")
    if not slash:
        raise InvalidPeriod("no period", text, "write START/END, as in 2026-01-01/2026-02-01")
    return Period(start, end)


def _sum(text: str) -> tuple[Meter, str]:
    """A meter and the column that it adds up; labels have an = of their own."""
    for at, character in enumerate(text):
        if character == "=":
            with suppress(InvalidMeter):
                return Meter(text[:at]), text[at + 1 :]
    return Meter(text), text


def _price(text: str) -> tuple[Meter, PerUnit]:
    meter, equals, quoted = text.rpartition("=")
    if not equals:
        raise InvalidPrice("no price", text, "write METER=RATE[/PER], as in gpu_seconds=0.10/3600")
    rate, slash, per = quoted.partition("/")
    return Meter(meter), PerUnit(rate, per=per if slash else 1)
