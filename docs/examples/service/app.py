"""A billing service: events come in by HTTP, are charged once, and customers see what they owe.

pip install fastapi uvicorn
BILLING_DATABASE=sqlite:///billing.db uvicorn app:app --app-dir docs/examples/service
"""

import json
import os
from datetime import timedelta
from decimal import Decimal
from html import escape
from typing import Any
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.concurrency import run_in_threadpool

from tokenbill import Adjustment, Bill, Grant, Period, TokenbillError
from tokenbill.store import Charged, Refused, Store

STATUS = {
    "balance_exhausted": 402,
    "quota_exhausted": 402,
    "conflicting_event": 409,
    "store_unavailable": 503,
}
"""The answer to an event that is refused, by its code; any other is unfit: 422."""


def service(store: Store) -> FastAPI:
    """The service on a store."""
    store.create()
    app = FastAPI(title="Billing")

    @app.exception_handler(TokenbillError)
    def refused(request: Request, error: TokenbillError) -> JSONResponse:
        return JSONResponse({"code": error.code, "detail": str(error)}, STATUS.get(error.code, 422))

    @app.post("/events")
    async def record(request: Request) -> Response:
        """Charge one CloudEvent, or a batch of them; a batch is always answered with 200, event by event."""
        try:
            # a float would lose digits, so numbers with a point are read as they are written
            given = json.loads(await request.body(), parse_float=Decimal)
        except ValueError:
            return JSONResponse({"code": "unreadable_input", "detail": "the body is not JSON"}, 422)
        done = await run_in_threadpool(store.record, given if isinstance(given, list) else [given])
        if isinstance(given, list):
            return JSONResponse(
                {
                    "charged": [told(each) for each in done.charged],
                    "repeated": [told(each) for each in done.repeated],
                    "refused": [why(each) for each in done.refused],
                }
            )
        if done.refused:
            [refusal] = done.refused
            return JSONResponse(why(refusal), STATUS.get(refusal.code, 422))
        return JSONResponse(told((*done.charged, *done.repeated)[0]))

    @app.get("/customers/{customer:path}", response_class=HTMLResponse)
    def customer_page(customer: str) -> str:
        """What a customer has left, has used, and was billed."""
        return page(store, customer)

    @app.get("/bills/{number}/{customer:path}", response_class=HTMLResponse)
    def bill_page(customer: str, number: int) -> Response:
        """One kept bill, or a correction of one, as a page that can be printed."""
        kept = store.bills(customer)
        if not 1 <= number <= len(kept):
            return HTMLResponse("no such bill", 404)
        return HTMLResponse(kept[number - 1].to_html(customer=customer, number=f"{number:04}"))

    @app.get("/open/{start}/{customer:path}", response_class=HTMLResponse)
    def open_page(customer: str, start: str) -> Response:
        """The bill of an open period so far."""
        for period in store.periods(customer):
            if f"{period.start:%Y-%m-%d}" == start:
                return HTMLResponse(store.bill(customer, period).to_html(customer=customer))
        return HTMLResponse("no such period", 404)

    return app


def told(charged: Charged) -> dict[str, str]:
    """The answer to an event that was charged, now or before."""
    amounts = {"total": f"{charged.total:f}", "due": f"{charged.due:f}", "currency": charged.currency}
    return {"id": charged.id, **amounts}


def why(refused: Refused) -> dict[str, Any]:
    """The answer to an event that was refused."""
    short = {} if refused.short is None else {"short": f"{refused.short:f}"}
    return {
        "code": refused.code,
        "id": refused.id,
        "customer": refused.customer,
        **short,
        "detail": str(refused.error),
    }


SO_FAR = "total so far"
NUMBERS = ("left", "of", "used", "total")
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.5rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .35rem .5rem; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
th { overflow-wrap: normal; } a { white-space: nowrap; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
tr.total td { font-weight: 600; }
"""


def page(store: Store, customer: str) -> str:
    """The page of a customer: credit, the open period, and the bills."""
    balance, bills = store.balance(customer), store.bills(customer)
    # the name comes last, for it may hold a slash, which no server tells from one of the path
    own = quote(customer, safe="")
    grants = [
        (each.id, digits(balance.left(each.id), each), f"{digits(each.amount, each)} {each.currency.code}")
        for each in balance.grants
    ]
    parts = [f"<h1>{escape(customer)}</h1>", "<h2>Credit</h2>", table(("grant", "left", "of"), grants)]
    for period in store.periods(customer):
        bill = store.bill(customer, period)
        rows = [(meter, f"{quantity:,f}") for meter, quantity in bill.usage.items()]
        rows.append((SO_FAR, f"{bill.total:,f} {bill.currency}"))
        parts += [f"<h2>{escape(days(bill.period) or 'So far')}</h2>", table(("meter", "used"), rows)]
        parts.append(f'<p><a href="/open/{period.start:%Y-%m-%d}/{own}">line by line</a></p>')
    rows = [(link(own, number), *summary(bill)) for number, bill in enumerate(bills, 1)]
    parts += ["<h2>Bills</h2>", table(("bill", "period", "total"), rows, safe=True)]
    head = f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(customer)}</title>"
    viewport = '<meta name=viewport content="width=device-width, initial-scale=1">'
    return f"{head}{viewport}<style>{STYLE}</style>{''.join(parts)}</html>"


def summary(bill: Bill | Adjustment) -> tuple[str, str]:
    """The period of a kept bill, and what it comes to."""
    kind = "" if isinstance(bill, Bill) else " (correction)"
    return escape(days(bill.period) + kind), escape(f"{bill.total:,f} {bill.currency}")


def digits(amount: Decimal, grant: Grant) -> str:
    """An amount of a grant, with the decimals of its currency at least."""
    places = max(grant.currency.places, len(f"{amount:f}".partition(".")[2]))
    return f"{amount:,.{places}f}"


def days(period: Period | None) -> str:
    """The first and the last day of a period."""
    if period is None:
        return ""
    return f"{period.start:%Y-%m-%d} to {period.end - timedelta(microseconds=1):%Y-%m-%d}"


def link(own: str, number: int) -> str:
    """A link to a bill."""
    return f'<a href="/bills/{number}/{own}">{number:04}</a>'


def table(head: tuple[str, ...], rows: list[tuple[str, ...]], *, safe: bool = False) -> str:
    """Rows as a table; amounts and quantities are aligned on the right."""
    if not rows:
        return "<p>none</p>"
    numeric = [name in NUMBERS for name in head]

    def line(row: tuple[str, ...], tag: str, kind: str = "") -> str:
        cells = [
            f"<{tag}{' class=number' if is_number else ''}>{text if safe else escape(text)}</{tag}>"
            for text, is_number in zip(row, numeric, strict=True)
        ]
        return f"<tr{kind}>{''.join(cells)}</tr>"

    body = [line(row, "td", " class=total" if row[0] == SO_FAR else "") for row in rows]
    return f"<table>{line(head, 'th')}{''.join(body)}</table>"


if "BILLING_DATABASE" in os.environ:
    app = service(Store(os.environ["BILLING_DATABASE"]))
