"""The options of the command line."""

from __future__ import annotations

import os
import re
from argparse import SUPPRESS, Action, ArgumentError, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, NoReturn

from tokenbill.cli.options import KINDS, Misuse
from tokenbill.core.base.quoting import quoted

__all__ = ["LANGUAGES", "options"]

LANGUAGES = ("en", "zh")
FORMATS = ("text", "totals", "csv", "json", "html", "pdf", "focus")
CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)")
"""How argparse says that a word is none of those it knows."""
EXAMPLES = """\
examples:
  tokenbill bill usage.csv --by customer --sum gpu_hours --price gpu_hours=0.10
  tokenbill bill usage.csv --sum gpu_seconds=exec_time --count api_calls \\
      --price gpu_seconds=0.10/3600 --price api_calls=0.01 --format csv
  tokenbill bill events.jsonl --as cloudevents --by customer --plan plan.toml
  tokenbill bill calls.jsonl --as openai.chat --at 2026-11-01T00:00:00Z
  tokenbill bill session.jsonl --as claude-code --by model

Without --sum and --count a row has a "meter" and a "quantity".
"""


def options(argv: Sequence[str] | None) -> Namespace:
    """The arguments by name; ``command`` is None, or the name of a command.

    Raises:
        Misuse: If they cannot be read.
        SystemExit: After ``--help``.
    """
    parser = _Parser(prog="tokenbill", description="Exact bills for AI usage. Without a command: a dialogue.")
    parser.set_defaults(command=None)
    parser.add_argument(
        "--version", dest="command", action="store_const", const="version", help="print the version"
    )
    # A Chinese locale is spoken to in Chinese, every other one in English.
    settings = (os.environ.get(name) for name in ("LC_ALL", "LC_MESSAGES", "LANG"))
    language = "zh" if next(filter(None, settings), "").lower().startswith("zh") else "en"
    parser.add_argument("--lang", choices=LANGUAGES, default=language, help="language of the dialogue")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    bill = commands.add_parser(
        "bill",
        help="bill a file of usage",
        description="Bill a file of usage: CSV with a header, or JSON lines.",
        epilog=EXAMPLES,
        formatter_class=RawDescriptionHelpFormatter,
    )
    _add_bill(bill)
    compare = commands.add_parser(
        "compare",
        help="compare plans for a file of usage",
        description="What a file of usage would cost under each of several plans, group by group.",
    )
    _add_compare(compare)
    lint = commands.add_parser("lint", help="look a plan file over for what is odd")
    lint.set_defaults(command="lint")
    lint.add_argument("plan_file", metavar="FILE", help="a plan, contract or schedule, in TOML or JSON")
    schema = commands.add_parser("schema", help="print the JSON schema of plan files, for editors")
    schema.set_defaults(command="schema")
    store = commands.add_parser("store", help="look at the accounts of a database, and close periods")
    _add_store(store)
    arguments, unknown = parser.parse_known_args(argv)
    if unknown:
        of_command = commands.choices.get(arguments.command, parser)
        raise Misuse(of_command.unknown(unknown[0]))
    return arguments


class _Once(Action):
    """An option that may stand once: of two the last one would hold, silently."""

    def __call__(
        self, parser: ArgumentParser, namespace: Namespace, values: Any, option_string: str | None = None
    ) -> None:
        stood: set[str] = vars(namespace).setdefault("stood", set[str]())
        if self.dest in stood:
            raise ArgumentError(self, "it may stand once")
        stood.add(self.dest)
        setattr(namespace, self.dest, values)


class _Parser(ArgumentParser):
    """Says what is wrong in one line."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.register("action", None, _Once)

    def error(self, message: str) -> NoReturn:
        # Of a misspelt command or choice the nearest is said, not all of them.
        wrong = CHOICE.search(message)
        near = get_close_matches(wrong[1], re.findall(r"'?([\w-]+)'?", wrong[2]), n=1) if wrong else []
        told = f"{message.partition(' (choose')[0]}; did you mean {quoted(near[0])}?" if near else message
        raise Misuse(f"{told}; see {self.prog} --help")

    def unknown(self, argument: str) -> str:
        """What is said of an argument that means nothing, with the option that is spelled like it."""
        near = get_close_matches(argument.partition("=")[0], self._option_string_actions, n=1)
        hint = f"did you mean {near[0]}?" if near else f"see {self.prog} --help"
        return f"no such argument: {quoted(argument)}; {hint}"


def _add_store(parser: ArgumentParser) -> None:
    parser.set_defaults(command="store")
    parser.add_argument("url", metavar="URL", help="the database, as in sqlite:///billing.db")
    about = {
        "create": "make the tables, or upgrade older ones",
        "balance": "what is left of each grant",
        "bill": "the bill of a period so far",
        "close": "end a period, and keep its bill",
        "verify": "replay accounts from their events",
        "export": "all kept bills as JSON documents, one a line",
    }
    acts = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    for action, text in about.items():
        added = acts.add_parser(action, help=text)
        if action != "create":
            many = None if action in ("balance", "bill", "close") else "?"
            added.add_argument("customer", metavar="CUSTOMER", nargs=many, help="whose; all unless given")
        if action in ("bill", "close"):
            added.add_argument("--period", metavar="START/END", help="which period, where several are open")
        if action == "close":
            added.add_argument("--at", help="when a period without end is over")


def _add_bill(parser: ArgumentParser) -> None:
    parser.set_defaults(command="bill")
    add = parser.add_argument
    several: dict[str, Any] = {"action": "append", "default": []}
    _add_rows(parser)
    kind = f"what a row is: {', '.join(KINDS)}, the shape of an answer, such as openai.chat, or a kind of log"
    add("--as", dest="kind", metavar="KIND", default="rows", help=kind)
    # What usage costs is said once: by prices, a plan, or the name of a model.
    price = "what a unit of a meter costs, or PER units"
    terms = parser.add_mutually_exclusive_group()
    terms.add_argument("--price", metavar="METER=RATE[/PER]", help=price, **several)
    terms.add_argument(
        "--plan", metavar="FILE", help="a plan, contract or schedule of prices, in TOML or JSON"
    )
    model = "the prices of a model, as genai-prices lists them; of answers by default each row's own"
    terms.add_argument("--model", metavar="NAME", help=model, **several)
    add("--currency", default="USD", help="currency of --price; USD by default")
    add("--provider", metavar="NAME", help="who offers the model")
    add("--price-map", metavar="FILE", help="a map of prices, such as litellm's, in place of genai-prices")
    ignore = "a key of the map to bill without, though it charges something"
    add("--ignore", metavar="KEY", help=ignore, **several)
    add("--format", choices=FORMATS, default="text", help="what to print: by default text")
    add("--issuer", metavar="NAME", help="who sends the bill; FOCUS asks for it")
    add("--account", metavar="NAME", help="who is billed; FOCUS asks for it where no --by says it")
    add("--number", metavar="TEXT", default="", help="the number of the invoice, in HTML and PDF")
    # after the command as before it: what is left out here leaves what stood there
    add("--lang", choices=LANGUAGES, default=SUPPRESS, help="language of HTML and PDF")
    add("--skip-bad", action="store_true", help="leave out rows that cannot be read, and list them")
    bar = parser.add_mutually_exclusive_group()
    bar.add_argument("--progress", action="store_true", help="show a progress bar in any case")
    bar.add_argument("--quiet", action="store_true", help="show no progress bar")


def _add_rows(parser: ArgumentParser) -> None:
    """What rows of a file mean."""
    add = parser.add_argument
    several: dict[str, Any] = {"action": "append", "default": []}
    add("file", metavar="FILE", help="the file, or a folder of them; - is standard input")
    by = "make one bill for each value of a column; several --by for several columns; COLUMN:day, :month or"
    add("--by", metavar="COLUMN", help=f"{by} :hour groups by the calendar", **several)
    add("--sum", metavar="METER[=COLUMN]", help="a meter adds up its column, or COLUMN", **several)
    add("--count", metavar="METER", help="a meter counts the rows", **several)
    add("--label", metavar="LABEL[=COLUMN]", help="a column is a label of every meter", **several)
    add("--where", metavar="COLUMN=TEXT", help="only rows with this text in the column", **several)
    add("--delimiter", metavar="MARK", default=",", help="what stands between the cells of CSV, as ; or tab")
    add("--tz", metavar="ZONE", default="UTC", help="the zone whose calendar --by COLUMN:day groups by")
    add("--pool", metavar="PART=WHOLE", help="a column is a part of another, and taken out of it", **several)
    add(
        "--period",
        metavar="START/END",
        help="the service period, two dates or instants; of events, those in it count",
    )
    add("--time", metavar="COLUMN", help="when a row was used: those outside the period are left out")
    add("--at", metavar="INSTANT", help="when the prices of the model hold, and grants are drawn on")


def _add_compare(parser: ArgumentParser) -> None:
    nothing: dict[str, Any] = {"price": [], "model": [], "issuer": None, "provider": None}
    nothing |= {"price_map": None, "ignore": []}
    parser.set_defaults(command="compare", kind="rows", currency="USD", **nothing)
    _add_rows(parser)
    plans: dict[str, Any] = {"action": "append", "default": []}
    parser.add_argument("--plan", metavar="FILE", help="a plan or contract; give two or more", **plans)
    parser.add_argument("--format", choices=("text", "csv"), default="text", help="what to print")
