"""Pages: bills as HTML that can be sent and printed, all in one file that fetches nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from html import escape
from typing import Final, TypedDict

from tokenbill.core.base.inputs import listed_of, name, pairs_of
from tokenbill.core.billing.languages import BEYOND, Words, amount_text, words_of
from tokenbill.core.billing.section import (
    NOTHING,
    CreditUse,
    Look,
    Row,
    Section,
    rows_of,
    sums_of,
    totals_of,
)
from tokenbill.core.billing.style import STYLE
from tokenbill.core.metering.meters import Meter
from tokenbill.core.money.decimals import PLACES
from tokenbill.core.periods.instants import moment, utc
from tokenbill.core.periods.period import Period
from tokenbill.core.plans.plan_scopes import nearest
from tokenbill.errors import InvalidCurrency, InvalidMeter, InvalidName

__all__ = ["PageOptions", "page"]

DOCUMENT: Final = """\
<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""
"""The whole of a page; its policy forbids a browser to fetch anything, whatever a name may hold."""
LONGEST_ADDRESS: Final = 20
"""Most lines of a party's address."""


class PageOptions(TypedDict, total=False):
    """What may be said of a page: the keyword arguments of ``to_html``."""

    names: Mapping[str, str]
    places: int | None
    lang: str
    issuer: str | Sequence[str]
    customer: str | Sequence[str]
    number: str
    issued: date | str | None


def page(
    sections: Sequence[Section],
    *,
    names: Mapping[str, str] = NOTHING,
    places: int | None = None,
    lang: str = "en",
    issuer: str | Sequence[str] = "",
    customer: str | Sequence[str] = "",
    number: str = "",
    issued: date | str | None = None,
    **unknown: object,
) -> str:
    """Sections of one currency as a page; ``Bill.to_html`` says what the rest is.

    Raises:
        InvalidName: For text that is none, a language in which no page is written, or an *unknown* option.
        InvalidCurrency: If *places* is no number of decimals.
        InvalidPeriod: If *issued* is no date.
    """
    for option in unknown:
        raise InvalidName("not an option of to_html", option, nearest(option, PageOptions.__annotations__))
    first, words = sections[0], words_of(lang)
    if places is not None and (type(places) is not int or not 0 <= places <= PLACES):
        raise InvalidCurrency("not a number of decimals", places, f"give an int from 0 to {PLACES}")
    beyond = BEYOND if places is None else max(places - first.places, 0)
    look = Look(words, _names(names), first.places, beyond)
    totals = totals_of(sections, look)
    title = words.invoice if first.before is None else words.correction
    # By what it comes to, and not by its kind: a later bill of a period may give back, too.
    title = words.credit_note if totals.total < 0 else title

    parties = {words.issuer: _address(issuer, "issuer"), words.customer: _address(customer, "customer")}
    dated = {
        words.number: name(number, what="number", empty=True),
        words.issued: "" if issued is None else words.day(moment(issued)),
        words.period: _hull(sections, words),
        words.currency: first.code,
        words.before: "" if first.before is None else f"{look.amount(first.before)} {first.code}",
    }
    said = _head({**parties, **dated}, sections, words)
    rows = [row for section in sections for row in rows_of(section, look, headed=len(sections) > 1)]
    terms = (f"<div><dt>{escape(key)}</dt><dd>{escape(text)}</dd></div>" for key, text in said.items())
    # Whatever a user gave is escaped where it is written, so that none is forgotten on the way.
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<dl class="head">{"".join(terms)}</dl>',
        _table(rows, list(sums_of(sections, totals, look)), words, first.code),
        _credits([credit for section in sections for credit in section.credits], words),
    ]
    notes = dict.fromkeys(words.said(note) for section in sections for note in section.notes)
    if notes:
        parts.append(
            f"<h2>{words.notes}</h2>\n<ul>{''.join(f'<li>{escape(note)}</li>' for note in notes)}</ul>"
        )
    heading = escape(" ".join(filter(None, [title, said.get(words.number)])))
    return DOCUMENT.format(lang=words.lang, title=heading, style=STYLE, body="\n".join(filter(None, parts)))


def _head(said: dict[str, str], sections: Sequence[Section], words: Words) -> dict[str, str]:
    """What stands above the lines; what was said of a bill names its customer and number, unless given."""
    about = sections[0].said if len(sections) == 1 else {}
    for key, label in (("customer", words.customer), ("number", words.number)):
        said[label] = said[label] or about.get(key, "")
        about.pop(key, "")
    return {key: text for key, text in {**said, **about}.items() if text}


def _names(names: object) -> dict[str, str]:
    """Readable names, each by its meter in whatever spelling, or by the description of a line."""
    pairs = pairs_of(names)
    if pairs is None:
        raise InvalidName("not readable names", names, 'give them by meter: {"gpu_hours": "GPU"}')
    found: dict[str, str] = {}
    for key, text in pairs:
        try:
            by = str(Meter(key))
        except InvalidMeter:  # "10 % off" is no meter, and stands on a bill all the same
            by = name(key)
        found[by] = name(text, what="readable name")
    return found


def _address(value: object, what: str) -> str:
    """A party, as its lines or a text of some lines."""
    lines = value.splitlines() if isinstance(value, str) else listed_of(value)
    if lines is None or len(lines) > LONGEST_ADDRESS:
        raise InvalidName(
            f"not an address of the {what}", value, f"give a text of at most {LONGEST_ADDRESS} lines"
        )
    return "\n".join(name(line, what=what, empty=True) for line in lines)


def _hull(sections: Sequence[Section], words: Words) -> str:
    """The period of all sections, from the first day of one to the last day of another."""
    periods = [section.period for section in sections if section.period is not None]
    # dates and instants have no order between them, and two zones no common day
    homes = {each.start.tzinfo if isinstance(each.start, datetime) else None for each in periods}
    if len(homes) != 1:
        return ""
    start, end = min((each.start for each in periods), key=utc), max((each.end for each in periods), key=utc)
    return words.period_text(Period(start, end))


def _table(rows: Sequence[Row], sums: Sequence[Row], words: Words, code: str) -> str:
    """Lines and sums in one table, so that all amounts have one width and their points one line."""
    unit = f" {code}"
    decimals = (row.amount.removesuffix(unit).partition(".")[2] for row in (*rows, *sums))
    most = max(map(len, decimals))
    full = f".{'0' * most}" if most else ""

    def amount(text: str) -> str:
        # What an amount lacks of the longest one follows it, unseen: so it stands where its point belongs.
        _, point, after = text.removesuffix(unit).partition(".")
        lacking = full[len(f"{point}{after}") :] + ("" if text.endswith(unit) else unit)
        return f'<td class="n">{escape(text)}<i data-pad="{escape(lacking)}"></i></td>'

    lines: list[str] = []
    for row in rows:
        cells = f'<td class="n">{escape(row.quantity)}</td><td class="n">{escape(row.rate)}</td>'
        look = f' class="{row.look}"' if row.look else ""
        if not row.amount:  # whose the rows below are, in the whole width
            lines.append(f'<tr{look}><td colspan="4">{escape(row.title)}</td></tr>')
            continue
        lines.append(f"<tr{look}><td>{escape(row.title)}</td>{cells}{amount(row.amount)}</tr>")
    ends = [
        f'<tr class="{row.look or "t"}"><td colspan="3">{escape(row.title)}</td>{amount(row.amount)}</tr>'
        for row in sums
    ]
    titles = (words.quantity, words.rate, words.amount)
    head = f"<th>{words.description}</th>" + "".join(f'<th class="n">{title}</th>' for title in titles)
    body, foot = "\n".join(lines), "\n".join(ends)
    return (
        f'<table class="lines">\n<thead><tr>{head}</tr></thead>\n'
        f"<tbody>\n{body}\n</tbody>\n<tfoot>\n{foot}\n</tfoot>\n</table>"
    )


def _credits(credits: Sequence[CreditUse], words: Words) -> str:
    """Which grant paid how much, what is left of it, and until when."""
    if not credits:
        return ""
    head = f"<th>{words.grant}</th>" + "".join(
        f'<th class="n">{title}</th>' for title in (words.drawn, words.left, words.ends)
    )
    rows: list[str] = []
    for each in credits:
        # In units of the grant: a page in dollars may tell of credit in tokens.
        amounts = [f"{amount_text(it, each.places)} {each.code}" for it in (each.paid, each.left)]
        ends = words.never if each.expires is None else words.last_day(each.expires)
        cells = "".join(f'<td class="n">{escape(text)}</td>' for text in (*amounts, ends))
        rows.append(f"<tr><td>{escape(each.id)}</td>{cells}</tr>")
    body = "\n".join(rows)
    return f"<table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>"
