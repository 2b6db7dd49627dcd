"""The command line: a dialogue for a first bill, and bills out of files of usage."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from io import StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

from tokenbill.cli.chinese import in_language, language_of
from tokenbill.cli.options import Misuse, Request, request_of, source_of
from tokenbill.cli.parser import options
from tokenbill.core.base.tables import digits, text_table
from tokenbill.core.billing.bill import Bill
from tokenbill.core.billing.invoice import Invoice
from tokenbill.core.billing.page import PageOptions
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, plus
from tokenbill.errors import InvalidMeter, MissingExtra, TokenbillError, UnreadableInput, UnreadableRow

__all__ = ["main"]

BAD_DATA, BAD_USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes, besides 0."""
PATIENCE = 0.5
"""Seconds before a progress bar shows: a file that takes less is not long."""
WIDEST = 5
"""Most meters that a table of bills has columns for."""
OWN_COLUMNS = frozenset(
    (
        *("plan", "kind", "meter", "description", "quantity", "rate", "per"),
        *("tier_from", "tier_up_to", "amount", "currency"),
    )
)
"""What a bill's rows say themselves: a column of the file with such a name is shown as by_<name>."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code: 0, 1 for bad data, 2 for bad usage.

    >>> main(["bill", "--help"])  # doctest: +ELLIPSIS
    usage: tokenbill bill ...
    0
    """
    language = language_of(argv, sys.argv[1:])
    # Streams that a shell closed (>&-) are None, and print would write what is said of errors among the data.
    if getattr(sys, "stderr", None) is None:
        sys.stderr = StringIO()
    if getattr(sys, "stdout", None) is None:
        return complain(language, "cannot write the bill: standard output is closed", BAD_DATA)
    try:
        # A terminal that cannot show a name is no reason to bill nobody.
        reconfigure(sys.stdout, errors="backslashreplace")
        arguments = options(argv)
        COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except SystemExit as stop:  # how argparse ends after --help
        return int(stop.code or 0)
    # A shell script tells by the code whether the command was wrong (2) or the file (1).
    except (Misuse, InvalidMeter) as error:
        return complain(language, error, BAD_USAGE)
    except TokenbillError as error:
        return complain(language, error, BAD_DATA)
    except EOFError:
        return complain(language, "the input ended before the last answer", BAD_DATA, before="\n")
    except KeyboardInterrupt:
        return complain(language, "interrupted", INTERRUPTED, before="\n")
    except OSError as error:
        # Nobody reads on, or the disk is full: what is left must not fail again when Python ends.
        with suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            complain(language, f"cannot write the bill: {str(error.strerror or error).lower()}", BAD_DATA)
        return BAD_DATA
    return 0


def complain(language: str, error: object, code: int, *, before: str = "") -> int:
    """Say in one line what is wrong, and return the exit code."""
    print(f"{before}tokenbill: {in_language(error, language)}", file=sys.stderr)
    return code


def reconfigure(stream: object, **options: str) -> None:
    """Set how a stream of the terminal encodes; another kind is left as it is."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(**options)  # type: ignore[arg-type]


def print_version(_: Namespace) -> None:
    """The version of the package."""
    from importlib.metadata import PackageNotFoundError, version  # only this asks

    # The distribution by its own name: `tokenbill` on the package index is another project.
    try:
        print(f"tokenbill {version('exact-usage-billing')}")
    except PackageNotFoundError:
        print("tokenbill, not installed")


def print_schema(_: Namespace) -> None:
    """The JSON schema of plan files."""
    from json import dumps

    from tokenbill.serial import schema

    print(dumps(schema(), indent=2))


def store(arguments: Namespace) -> None:
    """Accounts in a database, looked at and closed."""
    from tokenbill.cli.accounts import answered

    for text in answered(arguments):
        print(text)


def ask(arguments: Namespace) -> None:
    """A first bill, by questions and answers."""
    from tokenbill.cli.dialogue import dialogue

    reconfigure(sys.stdin, errors="backslashreplace")
    dialogue(arguments.lang, ask=input, say=print)


def bill_file(arguments: Namespace) -> None:
    """The bills of a file of usage, in the form that was asked for."""
    from tokenbill.cli.reading import billed

    request = request_of(arguments)
    source = source_of(arguments.file)
    with progress_of(arguments) as progress:
        callbacks = {"on_bad_row": progress.skip if arguments.skip_bad else None, "progress": progress.update}
        usages, plan = billed(source, request, callbacks, note)
    if progress.skipped:
        note(f"{progress.skipped} {'row' if progress.skipped == 1 else 'rows'} skipped")
        # Nothing but bad rows is the wrong file, and a bill of 0.00 would look like a free month.
        if not any(usages.values()):
            raise UnreadableInput(
                "no row could be read, skipped", progress.skipped, "nothing billed is no bill"
            )
    if not request.by:  # a file without rows is a bill of nothing, and not no bill
        usages = {(): usages.get((), Usage())}

    # A bill says whose it is by the columns of the file, under names that its own columns do not have.
    headings = [f"by_{column}" if column in OWN_COLUMNS else column for column in request.by]
    bills = [
        Bill.of(
            usage,
            plan if request.contract is None else request.contract,
            period=request.period,
            at=arguments.at,
            about=dict(zip(headings, group, strict=True)),
        )
        for group, usage in usages.items()
    ]
    if arguments.format == "text":
        print("\n".join(text_of(bills, list(usages), request._replace(plan=plan))))
        return
    # Data is read by programs, which know no locale: UTF-8 everywhere, and no character replaced.
    reconfigure(sys.stdout, encoding="utf-8", errors="strict")
    if arguments.format in ("html", "pdf"):
        write_document(bills[0] if not request.by else Invoice.of(bills), arguments)
    else:
        write_rows(bills, arguments)


def write_rows(bills: list[Bill], arguments: Namespace) -> None:
    """The lines of bills as data."""
    if arguments.format == "focus":
        from tokenbill import focus

        rows = list[Any]()
        for bill in bills:
            # the first column of --by names the account, unless one is called customer
            first = next(iter(bill.about.values()), None)
            account = arguments.account or bill.about.get("customer", first)
            rows += focus.rows(bill, issuer=arguments.issuer, account_id=account)
        focus.write_csv(rows, sys.stdout)
    elif arguments.format == "totals":
        from tokenbill.cli.plans import write_totals

        write_totals(bills)
    else:
        from tokenbill import files

        (files.write_csv if arguments.format == "csv" else files.write_json)(bills, sys.stdout)


def write_document(document: Bill | Invoice, arguments: Namespace) -> None:
    """A page as HTML, or as PDF, which is no text."""
    said: PageOptions = {"lang": arguments.lang, "number": arguments.number, "issuer": arguments.issuer or ""}
    if arguments.format == "html":
        sys.stdout.write(document.to_html(**said))
    else:
        from tokenbill.documents import to_pdf

        stream: Any = getattr(sys.stdout, "buffer", sys.stdout)
        stream.write(to_pdf(document, **said))


def compare(arguments: Namespace) -> None:
    """What each group would pay under each of several plans."""
    from tokenbill.cli.plans import compare_plans

    compare_plans(arguments, note)


def lint(arguments: Namespace) -> None:
    """What is odd about a plan file."""
    from tokenbill.cli.plans import lint_plan

    lint_plan(arguments)


def note(text: str) -> None:
    """Say on standard error what was left out: standard output holds the data alone."""
    print(f"tokenbill: {text}", file=sys.stderr)


class _Progress:
    """The progress of reading, on standard error."""

    def __init__(self, bar: Any = None) -> None:
        self.update: Callable[[int], object] | None = None if bar is None else bar.update
        self._print: Callable[..., object] = print if bar is None else bar.write
        self.skipped = 0

    def skip(self, bad: UnreadableRow) -> None:
        """Count a row that is left out, and say which."""
        self.skipped += 1
        self._print(f"tokenbill: skipped {bad}", file=sys.stderr)


@contextmanager
def progress_of(arguments: Namespace) -> Generator[_Progress, None, None]:
    """A progress bar, if one is wanted and somebody could see it."""
    from importlib import import_module

    tqdm: Any = None
    if arguments.progress or (sys.stderr.isatty() and not arguments.quiet):
        try:
            tqdm = import_module("tqdm").tqdm
        except ImportError:
            if arguments.progress:  # nobody else insists on a bar
                raise MissingExtra("tqdm", "progress") from None
    if tqdm is None:
        yield _Progress()
        return

    size: int | None = None
    with suppress(OSError, ValueError):  # standard input has no size that anybody knows
        size = Path(arguments.file).stat().st_size
    delay = 0 if arguments.progress else PATIENCE
    look = {"unit": "B", "unit_scale": True, "leave": arguments.progress, "delay": delay}
    with tqdm(total=size, desc="reading", file=sys.stderr, **look) as bar:
        yield _Progress(bar)


def text_of(bills: list[Bill], groups: list[tuple[str, ...]], request: Request) -> list[str]:
    """One bill with its lines, or a row for each of several, then what they come to together."""
    # Each bill is rounded on its own, so the total is the sum of what is paid, not a rounded sum.
    total, exact = ZERO, Fraction(0)
    for bill in bills:
        total, exact = decimal(plus(total, bill.total)), exact + bill.exact
    text = [str(bills[0])] if not request.by else []
    if request.by:
        meters = sorted({meter for bill in bills for meter in bill.usage})
        meters = meters if len(meters) <= WIDEST else []
        rows = [
            (*group, *(digits(bill.usage[meter]) for meter in meters), digits(bill.total))
            for group, bill in zip(groups, bills, strict=True)
        ]
        header = (*request.by, *meters, "total")
        text.append(text_table(header, rows, numbers=range(len(request.by), len(header))))
        text.append(f"{len(bills)} {'bill' if len(bills) == 1 else 'bills'}")
        text.append(f"Total: {request.terms.currency.format(total)}")

    if exact != total:
        rounded, code = decimal(exact), request.terms.currency.code
        is_all = rounded == exact  # a quotient that does not end is shown as it is, too
        before = f"{digits(rounded)} {code}" if is_all else f"{exact} {code}, about {digits(rounded)}"
        text.append(f"Before rounding: {before}")
    return text


COMMANDS: dict[str | None, Callable[[Namespace], None]] = {
    None: ask,
    "version": print_version,
    "bill": bill_file,
    "compare": compare,
    "lint": lint,
    "schema": print_schema,
    "store": store,
}
