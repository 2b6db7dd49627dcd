"""The command line: a dialogue for a first bill, and bills out of files of usage."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from decimal import Decimal
from fractions import Fraction
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenbill.cli.options import Misuse, Request, options, requested
from tokenbill.core.base.tables import digits, text_table
from tokenbill.core.billing.bill import Bill
from tokenbill.core.metering.usage import Usage
from tokenbill.core.money.decimals import ZERO, decimal, plus
from tokenbill.errors import InvalidMeter, MissingExtra, TokenbillError, UnreadableRow

if TYPE_CHECKING:
    from tokenbill.cli.reading import Groups

__all__ = ["main"]

BAD_DATA, BAD_USAGE, INTERRUPTED = 1, 2, 130
"""Exit codes, besides 0."""
PATIENCE = 0.5
"""Seconds before a progress bar shows: a file that takes less is not long."""
WIDEST = 5
"""Most meters that a table of bills has columns for."""
OWN_COLUMNS = frozenset(
    ("plan", "kind", "meter", "description", "quantity", "rate", "per", "amount", "currency")
)
"""What a bill's rows say themselves: a column of the file with such a name is shown as by_<name>."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line, and return its exit code: 0, 1 for bad data, 2 for bad usage.

    >>> main(["bill", "--help"])  # doctest: +ELLIPSIS
    usage: tokenbill bill ...
    0
    """
    try:
        _settle(sys.stdout, errors="backslashreplace")
        arguments = options(argv)
        COMMANDS[arguments.command](arguments)
        sys.stdout.flush()
    except SystemExit as stop:  # how argparse ends after --help
        return int(stop.code or 0)
    except (Misuse, InvalidMeter) as error:
        return _complain(error, BAD_USAGE)
    except TokenbillError as error:
        return _complain(error, BAD_DATA)
    except EOFError:
        return _complain("the input ended before the last answer", BAD_DATA, before="\n")
    except KeyboardInterrupt:
        return _complain("interrupted", INTERRUPTED, before="\n")
    except OSError as error:
        return _cut_off(error)
    return 0


def _complain(error: object, code: int, *, before: str = "") -> int:
    print(f"{before}tokenbill: {error}", file=sys.stderr)
    return code


def _cut_off(error: OSError) -> int:
    """Nobody reads on, or the disk is full; what is left must not fail again when Python ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    if not isinstance(error, BrokenPipeError):
        _complain(f"cannot write the bill: {str(error.strerror or error).lower()}", BAD_DATA)
    return BAD_DATA


def _settle(stream: object, **options: str) -> None:
    """Set how a stream of the terminal encodes; another kind is left as it is."""
    if isinstance(stream, TextIOWrapper):
        stream.reconfigure(**options)  # type: ignore[arg-type]


def _version(_: Namespace) -> None:
    from importlib.metadata import PackageNotFoundError, version  # only this asks

    # The distribution by its own name: `tokenbill` on the package index is another project.
    try:
        print(f"tokenbill {version('exact-usage-billing')}")
    except PackageNotFoundError:
        print("tokenbill, not installed")


def _schema(_: Namespace) -> None:
    from json import dumps

    from tokenbill.serial import schema

    print(dumps(schema(), indent=2))


def _dialogue(arguments: Namespace) -> None:
    from tokenbill.cli.dialogue import dialogue

    _settle(sys.stdin, errors="backslashreplace")
    dialogue(arguments.lang, ask=input, say=print)


def _bill(arguments: Namespace) -> None:
    request = requested(arguments)
    usages = _usages(arguments, request)
    if not request.by:
        usages = {(): usages.get((), Usage())}
    headings = [f"by_{column}" if column in OWN_COLUMNS else column for column in request.by]
    bills = [
        Bill.of(
            usage,
            request.plan,
            period=request.period,
            at=arguments.at,
            about=dict(zip(headings, group, strict=True)),
        )
        for group, usage in usages.items()
    ]
    if arguments.format != "text":
        _write(bills, arguments)
    elif request.by:
        print("\n".join(_overview(bills, list(usages), request)))
    else:
        print("\n".join([str(bills[0]), *_exact(bills[0].total, bills[0].exact, request)]))


def _usages(arguments: Namespace, request: Request) -> Groups:
    from tokenbill.cli.reading import usages_of

    file = arguments.file
    source = getattr(sys.stdin, "buffer", sys.stdin) if file == "-" else Path(file)
    with _watch(arguments) as watch:
        watched = {"on_bad_row": watch.skip if arguments.skip_bad else None, "progress": watch.progress}
        usages = usages_of(source, request, watched, _say)
    if watch.skipped:
        _say(f"{_number_of(watch.skipped, 'row')} skipped")
    return usages


def _say(text: str) -> None:
    print(f"tokenbill: {text}", file=sys.stderr)


class _Watch:
    """Tells of the reading, on standard error."""

    def __init__(self, bar: Any = None) -> None:
        self.progress: Callable[[int], object] | None = None if bar is None else bar.update
        self._print: Callable[..., object] = print if bar is None else bar.write
        self.skipped = 0

    def skip(self, bad: UnreadableRow) -> None:
        """Tell of a row that is left out."""
        self.skipped += 1
        self._print(f"tokenbill: skipped {bad}", file=sys.stderr)


@contextmanager
def _watch(arguments: Namespace) -> Generator[_Watch, None, None]:
    """A progress bar, if one is wanted and somebody could see it."""
    wanted = arguments.progress or (sys.stderr.isatty() and not arguments.quiet)
    tqdm = _tqdm(arguments) if wanted else None
    if tqdm is None:
        yield _Watch()
        return
    delay = 0 if arguments.progress else PATIENCE
    shown = {"unit": "B", "unit_scale": True, "leave": arguments.progress, "delay": delay}
    with tqdm(total=_size(arguments.file), desc="reading", file=sys.stderr, **shown) as bar:
        yield _Watch(bar)


def _tqdm(arguments: Namespace) -> Any:
    """The progress bar of the extra; None where it is missing and nobody insists."""
    from importlib import import_module

    try:
        return import_module("tqdm").tqdm
    except ImportError:
        if arguments.progress:
            raise MissingExtra("tqdm", "progress") from None
        return None


def _size(file: str) -> int | None:
    """Bytes to read, where they are known."""
    with suppress(OSError, ValueError):
        return Path(file).stat().st_size
    return None


def _write(bills: list[Bill], arguments: Namespace) -> None:
    _settle(sys.stdout, encoding="utf-8", errors="strict")
    if arguments.format == "focus":
        from tokenbill import focus

        focus.write_csv(focus.rows(bills, issuer=arguments.issuer), sys.stdout)
    else:
        from tokenbill import files

        (files.write_csv if arguments.format == "csv" else files.write_json)(bills, sys.stdout)


def _overview(bills: list[Bill], groups: list[tuple[str, ...]], request: Request) -> list[str]:
    """A row for each bill, then what they come to together."""
    meters = sorted({meter for bill in bills for meter in bill.usage})
    meters = meters if len(meters) <= WIDEST else []
    rows = [
        (*group, *(digits(bill.usage[meter]) for meter in meters), digits(bill.total))
        for group, bill in zip(groups, bills, strict=True)
    ]
    header = (*request.by, *meters, "total")
    total, exact = ZERO, Fraction(0)
    for bill in bills:
        total, exact = decimal(plus(total, bill.total)), exact + bill.exact
    table = text_table(header, rows, numbers=range(len(request.by), len(header)))
    told = [table, _number_of(len(bills), "bill"), f"Total: {request.plan.currency.format(total)}"]
    return [*told, *_exact(total, exact, request)]


def _exact(total: Decimal, exact: Fraction, request: Request) -> list[str]:
    """The amount before rounding, where rounding changed it."""
    if exact == total:
        return []
    shown, code = decimal(exact), request.plan.currency.code
    ends = f"{digits(shown)} {code}" if shown == exact else f"{exact} {code}, about {digits(shown)}"
    return [f"Before rounding: {ends}"]


def _number_of(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


COMMANDS: dict[str | None, Callable[[Namespace], None]] = {
    None: _dialogue,
    "version": _version,
    "bill": _bill,
    "schema": _schema,
}
