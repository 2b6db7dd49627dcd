"""Documents of every kind that any version wrote are read for ever, as the values they were."""

import json
from datetime import date
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest
from attrs import evolve

from tests.support.documents import Squared
from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Currency,
    Cycle,
    Discount,
    Fee,
    Flat,
    Graduated,
    Grant,
    Grants,
    Hold,
    Limit,
    LineItem,
    Meter,
    Package,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Quota,
    Rounding,
    Tax,
    Tier,
    TopUp,
    Usage,
    Volume,
)
from tokenbill.core.billing.version_usage import VersionUsage
from tokenbill.core.credits.draw_limits import DrawLimit
from tokenbill.core.credits.windows import WindowSum
from tokenbill.core.plans.allowances import Allowance
from tokenbill.core.plans.commitments import Commitment, CommitmentMet
from tokenbill.core.plans.contract import Amendment, Contract
from tokenbill.core.plans.levels import LevelChange
from tokenbill.core.plans.trial import Trial
from tokenbill.core.pricing.markup import MarkedUp
from tokenbill.core.pricing.price import After
from tokenbill.core.pricing.rates import Covered
from tokenbill.core.pricing.source import Hours, Source
from tokenbill.core.rating.lines import Charge
from tokenbill.errors import BillMismatch, UnreadableField, UnreadableInput
from tokenbill.serial import dumps, loads
from tokenbill.serial.records import REGISTRY

STORED = Path(__file__).parents[2] / "stored"
TOKEN = Currency("TOKEN", places=0)
PRICES = PriceSchedule({"gpu_hours": "0.90", "gpu_hours{gpu=H100}": "2.50"}, currency="EUR", name="2026-11")
CALLS = PriceSchedule(api_calls=PerUnit(1, per=3))
MARCH = Period("2026-03-01T00:00:00+08:00[Asia/Shanghai]", "2026-04-01T00:00:00+08:00[Asia/Shanghai]")
BALANCE = Balance(
    [
        Grant("gift", "10.00", "USD", "2026-01-01", "2026-07-01", -1, "promotional", ("usage", "a{b=c}")),
        Grant("tokens", 5000, TOKEN, priority=10**20, rollover=("0", "1000"), created="2026-01-01"),
        Grant("welcome", "0.50", "USD", rollover=(0, None)),
    ],
    ("promotional", "larger", "id"),
    draws={"gift": "2.50"},
    rolled_over={"tokens": 7},
    forfeited={"welcome": "0.25"},
)
SUBSCRIPTION = BillingPlan.subscription(
    Fee("99", "base", prorated=False),
    PRICES,
    name="Team",
    fees=[Fee("5.00", "support", "arrears")],
    included={"gpu_hours": 10},
    prorate_included=True,
    discounts=[Discount.percent("12.5", on="usage"), Discount.fixed(3, "welcome")],
    minimum="100",
    maximum="5000",
    taxes=[Tax("VAT", "19"), Tax("levy", "1.5", inclusive=True, on=("fee", "gpu_hours"))],
    rounding=Rounding(2, "half_even", "line", "line"),
    cycle=Cycle.monthly("2026-01-31", every=2, tz="Asia/Shanghai"),
    proration="second",
    trial=Period("2026-01-01", "2026-01-15"),
    overage="refuse",
)
TOKENS = BillingPlan.prepaid(
    PriceSchedule(gpu_hours=100, currency=TOKEN),
    currency="USD",
    token_price=Graduated([Tier(1000, 20, per=10_000), Tier(None, 15)], per=10_000),
    cycle=Cycle.monthly(),
    trial=14,
)
PREPAID = BillingPlan.prepaid(CALLS, taxes=[Tax("VAT", 10)])
CREDIT = Account(
    balance=[Grant("gift", 1, "USD", kind="promotional"), Grant("paid", 50, "USD")],
    credit_balance="0.10",
    credit_currency="USD",
)

CHARGE = Charge(
    "usage", Meter("calls{x=y}"), "calls, tier 1", Decimal(1), Decimal(3), "up", Decimal("0.10"), "…"
)


def interim():
    return Bill.of(
        {"api_calls": 100}, PREPAID, period=MARCH, opening=CREDIT, final=False, about={"number": "7"}
    )


def final():
    return Bill.of(
        {"api_calls": 50}, PREPAID, period=MARCH, opening=interim().closing, reversal=Usage(api_calls=10)
    )


def corrected():
    """Its lines tell the rule in the words of the day, which a later version words otherwise."""
    plan = BillingPlan.on_demand(CALLS)
    made = Bill.of({"api_calls": 8}, plan, about={"reason": "a call too many"}) - Bill.of(
        {"api_calls": 10}, plan
    )
    told = evolve(made.lines[0].charge, rule="Every unit costs the same: quantity × rate ÷ per.")
    return evolve(made, lines=(evolve(made.lines[0], charge=told), *made.lines[1:]))


VALUES = {
    "draw-limit": lambda: DrawLimit("7.50", Cycle.weekly(), "api_calls"),
    "top-up": lambda: TopUp(5, 20, (100, Cycle.monthly()), "1h", PerUnit("0.10"), "USD", "auto"),
    "grants": lambda: Grants.every(
        Cycle.daily(tz="Asia/Shanghai"), 50, life="1d", prorated="both", starts="2026-06-16", on="api_calls"
    ),
    "hold": lambda: Hold("h1", {"paid": "5.00"}, Usage(api_calls=3), until="2026-06-01T12:05:00Z"),
    "quota": lambda: Quota(
        amount=50, every="1d", on="api_calls", tz="Asia/Shanghai", rolling=True, name="day"
    ),
    "commitment": lambda: Commitment(12000, cycle=Cycle.yearly("2026-01-01"), on="usage", overage="1.5"),
    "commitment-met": lambda: CommitmentMet("commitment", "2026-01-01", "2700.00"),
    "trial": lambda: Trial(14, on=("fee", "usage")),
    "covered": Covered,
    "window-sum": lambda: WindowSum("calls", "2026-06-01T05:00:00Z", "80000"),
    "plan-subscription": lambda: SUBSCRIPTION,
    "plan-tokens": lambda: TOKENS,
    "plan-on-demand": lambda: BillingPlan.on_demand(CALLS),
    "schedule": lambda: PRICES,
    "schedule-of-a-list": lambda: PriceSchedule({"input_tokens": 3}, source=Source(["rounded"])),
    "source": lambda: Source(["converted"], ["cheapest tier"], [Hours("10:00", "00:00")], strict=False),
    "hours": lambda: Hours(
        "22:30", "06:00", weekdays=[1, 5], calendar="Asia/Shanghai", model="m", provider="p"
    ),
    "book": lambda: PriceBook([("2026-01-01", CALLS), ("2026-07-01", PRICES)]),
    "usage": lambda: Usage({"gpu_hours{gpu=H100}": "3.50", "api_calls": 10**20}),
    "account-new": Account,
    "account-open": lambda: interim().closing,
    "balance": lambda: BALANCE,
    "bill-on-demand": lambda: Bill.of({"api_calls": 1}, BillingPlan.on_demand(CALLS)),
    "bill-interim": interim,
    "bill-final": final,
    "bill-subscription": lambda: Bill.of(
        {"gpu_hours": 12}, SUBSCRIPTION_DUE, period=FEBRUARY, at="2026-02-28"
    ),
    "adjustment": corrected,
    "per-unit": lambda: PerUnit("2.50", per=1_000_000),
    "flat": lambda: Flat("20.00", at_zero=True),
    "package": lambda: Package(1000, "5.00", round="down"),
    "graduated": lambda: Graduated(
        [Tier("12.5", "0.90", "1", 60, "up"), Tier(None)], per=3600, fee_at_zero=True
    ),
    "volume": lambda: Volume([Tier(10, 2), Tier(None, "1.50")]),
    "sum": lambda: PerUnit("0.10") + Flat(3),
    "scaled": lambda: PerUnit("0.10") * "0.9",
    "after": lambda: After(PerUnit("0.10"), Fraction(100, 3)),
    "capped": lambda: PerUnit("0.10").capped(500),
    "at-least": lambda: PerUnit("0.10").at_least("0.50"),
    "in-units": lambda: PerUnit("0.10").in_units(of=60, times=3, round="up"),
    "then": lambda: Package(10, 1).then(PerUnit("0.05")),
    "each": lambda: PriceSchedule(calls=PerUnit("0.10").each("region", "tier")),
    "fee": lambda: Fee(5, due="arrears"),
    "discount": lambda: Discount.fixed(5),
    "limit": lambda: Limit(5, on="usage"),
    "level-change": lambda: LevelChange("2026-06-16", 5),
    "marked-up": lambda: MarkedUp(PerUnit(3), 20),
    "of": lambda: PerUnit(3).of("storage"),
    "allowance": lambda: Allowance(100, ("a", "b")),
    "tax": lambda: Tax("VAT", 19),
    "rounding": lambda: Rounding(mode="down"),
    "period": lambda: MARCH,
    "amendment": lambda: Amendment("2026-03-16", SUBSCRIPTION_DUE, "from_next", "restart"),
    "contract": lambda: (
        Contract(SUBSCRIPTION_DUE).amended("2026-03-16", SUBSCRIPTION_DUE).ended("2026-04-16")
    ),
    "version-usage": lambda: VersionUsage("2026-03-16", Usage(api_calls=3)),
    "cycle": lambda: Cycle.weekly("2026-01-05T12:00:00"),
    "currency": lambda: TOKEN,
    "grant": lambda: Grant("a", 1, "USD", expires="2026-07-01T00:00:00Z"),
    "line": lambda: LineItem(CHARGE, Decimal("-2"), Decimal("-0.666666666666666667"), Fraction(-2, 3)),
}
SUBSCRIPTION_DUE = BillingPlan.subscription("10", CALLS | PriceSchedule(gpu_hours=1), cycle=Cycle.monthly())
FEBRUARY = Period("2026-02-01", "2026-02-15")

# What is left out of a document means this for ever; another default asks for another version.
DEFAULTS = {
    "PerUnit": {"per": 1},
    "Flat": {"at_zero": False},
    "Package": {"round": "up"},
    "Tier": {"up_to": None, "rate": 0, "fee": 0, "per": None, "round": "none"},
    "Graduated": {"per": 1, "fee_at_zero": False},
    "Volume": {"per": 1, "fee_at_zero": False},
    "InUnits": {"of": 1, "times": 1, "round": "none"},
    "PriceSchedule": {"name": "", "source": None},
    "Source": {"notes": (), "comments": (), "hours": (), "strict": True},
    "Hours": {"weekdays": (1, 2, 3, 4, 5, 6, 7), "calendar": "UTC", "model": "", "provider": ""},
    "Fee": {
        "name": "subscription",
        "due": "advance",
        "prorated": True,
        "starts": None,
        "ends": None,
        "cycle": None,
        "level": None,
        "currency": None,
    },
    "Trial": {"on": ("fee",)},
    "Commitment": {"on": None, "true_up": "end", "overage": Decimal(1), "name": "commitment"},
    "CommitmentMet": {"currency": None},
    "Covered": {},
    "Discount": {"on": None, "prorated": True, "starts": None, "ends": None},
    "LevelChange": {"at": None},
    "MarkedUp": {},
    "Of": {"of": "", "amount_of": None},
    "Allowance": {},
    "Limit": {"on": None, "prorated": True},
    "Tax": {
        "inclusive": False, "on": None, "starts": None, "ends": None, "after": (), "unit_amount": None,
        "category": "", "reason": "",
    },
    "Rounding": {"places": None, "mode": "half_up", "stage": "bill", "tax": "total", "step": None},
    "Cycle": {"every": 1, "tz": "UTC", "boundaries": ()},
    "Currency": {"places": None},
    "Grant": {
        "starts": None, "expires": None, "priority": 0, "kind": "paid", "on": None, "rollover": None,
        "created": None, "cost": None, "most": None, "through": None,
    },
    "Balance": {
        "grants": (), "order": ("priority", "expires", "starts", "id"), "draws": (), "rolled_over": (),
        "forfeited": (), "payouts": (), "most": None, "void": (), "holds": (),
        "recurring": (),
    },
    "Hold": {"reserved": (), "usage": Usage(), "until": None},
    "Quota": {"on": None, "units": None, "amount": None, "tz": "UTC", "rolling": False, "name": ""},
    "WindowSum": {},
    "DrawLimit": {"cycle": None, "on": None},
    "Grants": {
        "life": None, "prorated": "none", "starts": None, "ends": None, "kind": "promotional", "on": None,
        "priority": 0, "made_until": None,
    },
    "TopUp": {"most": None, "cooloff": None, "bonus": None, "currency": None, "name": "top-up"},
    "Account": {
        "period": None, "fingerprint": None, "used": Usage(), "accrued": 0, "draws": (), "balance": Balance(),
        "credit_balance": 0, "credit_currency": None, "idle_labels": (), "versions": (), "billed_at": None,
        "goodwill": (), "windows": (), "top_ups": (), "levels": (), "commitments": (),
    },
    "BillingPlan": {
        "name": "", "fees": (), "included": (), "prorate_included": False, "discounts": (), "minimum": None,
        "maximum": None, "taxes": (), "rounding": Rounding(), "currency": None, "token_price": None,
        "cycle": None, "proration": "day", "trial": None, "overage": "bill",
        "least_due": None, "quotas": (), "commitment": (), "is_version": False,
    },
    "LineItem": {
        "exact": None, "meter": None, "quantity": None, "rate": None, "per": None, "round": "none", "fee": 0,
        "rule": "",
    },
    "Bill": {
        "draws": (), "opening": Account(), "final": True, "reversal": Usage(), "about": (), "period": None,
        "at": None, "contract": None, "versions": (), "restate": False,
        "dated": (), "levels": (), "settled": None,
    },
    "Amendment": {"fees": "prorated", "tiers": "continue"},
    "Contract": {"amendments": (), "end": None, "end_fees": "prorated"},
    "VersionUsage": {},
    "Adjustment": {"period": None, "reason": "", "places": None},
    **{name: {} for name in ("Sum", "Scaled", "After", "Capped", "AtLeast", "Then", "Each")},
    **{name: {} for name in ("Period", "PriceBook", "Usage")},
}  # fmt: skip


def stored(name, version=2):
    return (STORED / str(version) / f"{name}.json").read_text(encoding="utf-8")


def as_told_by(version, value):
    """A value as far as a version tells it: the first knew no currency of credit, and no charge of a draw."""
    if type(value) is not Account or version > 1:
        return value
    return evolve(value, draws=dict(value.draws), credit_currency=None)


VERSIONS = pytest.mark.parametrize("version", [1, 2])
LATER = (
    "commitment",
    "commitment-met",
    "covered",
    "draw-limit",
    "grants",
    "hold",
    "quota",
    "top-up",
    "trial",
    "window-sum",
)
"""What version 1 did not know."""


@pytest.mark.parametrize(
    ("name", "version"),
    [
        (name, it)
        for name in VALUES
        for it in (1, 2)
        if not (name.startswith("bill-") or (it == 1 and name in LATER))
    ],
)
def test_a_document_is_read_as_the_value_it_was(name, version):
    value = as_told_by(version, VALUES[name]())

    assert loads(stored(name, version)) == value
    assert type(loads(stored(name, version))) is type(value)


@pytest.mark.parametrize("name", VALUES)
def test_a_document_is_written_again_in_the_same_bytes(name):
    assert dumps(loads(stored(name))) == stored(name)


@pytest.mark.parametrize("name", [name for name in VALUES if name not in LATER])
def test_a_document_of_version_1_is_the_same_written_by_this_version(name):
    value = loads(stored(name, 1))

    assert loads(dumps(value)) == value


@pytest.mark.parametrize(
    "name", [name for name in VALUES if not name.startswith(("bill-", "adjust", "line"))]
)
def test_a_value_is_written_in_the_bytes_of_its_version(name):
    assert dumps(VALUES[name]()) == stored(name)  # but not the words of a line, which may be put better


@VERSIONS
@pytest.mark.parametrize("name", [name for name in VALUES if name.startswith("bill-")])
def test_a_stored_bill_is_what_was_owed(name, version):
    kept, again = loads(stored(name, version)), VALUES[name]()

    assert (kept.due, kept.draws, kept.exact) == (again.due, again.draws, again.exact)
    assert kept.closing.agrees_with(again.closing)
    assert [line.exact for line in kept.lines] == [line.exact for line in again.lines]
    assert kept.about == again.about
    assert kept.verify() is None


def test_an_account_of_version_1_goes_on():
    kept, again = loads(stored("account-open", 1)), interim().closing
    one, other = (Bill.of({"api_calls": 9}, PREPAID, period=MARCH, opening=it) for it in (kept, again))

    assert (one.total, one.due, one.draws, one.closing) == (
        other.total,
        other.due,
        other.draws,
        other.closing,
    )


def test_every_document_and_every_class_has_its_test():
    names, before = ({path.stem for path in (STORED / version).iterdir()} for version in "21")
    ours = [
        name for name, record in REGISTRY.records.items() if record.cls.__module__.startswith("tokenbill.")
    ]

    assert names == before | set(LATER) == set(VALUES)
    assert set(ours) == set(DEFAULTS)
    assert {type(VALUES[name]()).__name__ for name in VALUES} | {"Tier", "Each"} == set(DEFAULTS)


@pytest.mark.parametrize("name", DEFAULTS)
def test_what_is_left_out_means_what_it_meant(name):
    members = REGISTRY.records[name].members

    assert {key: it.default for key, it in members.items() if not it.is_required} == DEFAULTS[name]


def test_a_stored_bill_keeps_its_lines_though_the_code_would_make_others():
    """What an old version put down is what was sent; ``verify`` asks the figures, not the words."""
    text = stored("bill-on-demand").replace('"description":"api_calls"', '"description":"calls"')

    kept = loads(text)

    assert kept.lines[0].description == "calls"
    assert dumps(kept) == text
    assert kept.verify() is None


def test_what_paid_a_stored_bill_is_verified_with_it():
    """Nothing in a document says which draws are right: only the plan and the balance do."""
    bill = Bill.of(
        {"a": 5}, BillingPlan.prepaid(PriceSchedule(a=1)), opening=Account(balance=[Grant("g", 9, "USD")])
    )
    text = dumps(bill).replace('"draws":{"g":"5.00"}', '"draws":{}').replace('"due":"0.00"', '"due":"5.00"')

    with pytest.raises(BillMismatch, match="the bill's due"):
        loads(text, edited=True).verify()


SEALED = dumps(Account(credit_balance=1)).replace(',"type":"Account","version":2', "")
WRONG = [
    ('"total":"0.33"', '"total":"0.34"', "'the total' reads 0.34 but comes out as 0.33"),
    ('"due":"0.33"', '"due":"0.32"', "'what is due, drawn and credited' reads 0.32 but comes out as 0.33"),
    ('"due":"0.33"', '"due":"-0.33"', "'what is due, drawn and credited'"),
    ('"closing":{}', f'"closing":{SEALED}', "'what is due, drawn and credited'"),
    ('"kind":"usage"', '"kind":"gift"', "no such choice: 'gift'"),
    ('"description":"api_calls"', r'"description":"api\u202ecalls"', "text with control characters"),
    ('"usage":{"api_calls":"1"}', '"usage":{"api_calls":"-1"}', "negative quantity of 'api_calls'"),
    ('"due":', '"about":{"plan":"x"},"due":', "nothing that can be said of a bill"),
    ('"due":', '"at":"2026-01-01T00:00:00","due":', "a time without a zone"),
]


@pytest.mark.parametrize(("old", "new", "problem"), WRONG)
def test_a_bill_that_does_not_add_up_is_refused(old, new, problem):
    text = stored("bill-on-demand")
    assert old in text

    with pytest.raises(UnreadableField) as found:
        loads(text.replace(old, new))

    assert problem in str(found.value)


def test_a_rate_is_written_alone_where_nothing_else_is_said_of_it():
    prices = PriceSchedule(a="0.10", b=PerUnit("0.10", per="1.0"), c=Squared("0.50"))

    assert dumps(prices) == (
        '{"currency":"USD","entries":{"a":"0.10","b":{"per":"1.0","rate":"0.10","type":"PerUnit"},'
        '"c":{"rate":"0.50","type":"Squared"}},"type":"PriceSchedule","version":2}'
    )
    assert str(loads(dumps(prices))["b"].per) == "1.0"


def test_a_currency_is_its_code_where_everybody_knows_it():
    assert '"currency":"JPY"' in dumps(PriceSchedule(a=1, currency=Currency("JPY")))
    assert '"currency":{"code":"TOKEN","places":0}' in dumps(PriceSchedule(a=1, currency=TOKEN))
    with pytest.raises(UnreadableInput, match="not a currency of ISO 4217"):
        loads('{"type": "PriceSchedule", "version": 1, "currency": "TOKEN", "entries": {}}')


def test_an_anchor_is_a_day_of_the_month_a_date_or_a_wall_time():
    for anchor in ("31", '"1970-01-31"', '"1970-01-31T00:00:00"'):
        cycle = loads(f'{{"type": "Cycle", "version": 1, "unit": "month", "anchor": {anchor}}}')
        assert cycle == Cycle.monthly(31)
    with pytest.raises(UnreadableField, match="not a day of the month: 32"):
        loads('{"type": "Cycle", "version": 1, "unit": "month", "anchor": 32}')


def test_digits_stay_as_they_were():
    tier = loads(dumps(Tier("10.0", "0.00", "0.0")))

    assert (str(tier.up_to), str(tier.rate), str(tier.fee)) == ("10.0", "0.00", "0.0")
    assert dumps(Tier(None, Decimal(0))) == '{"type":"Tier","version":2}'


def test_a_book_of_version_2_may_call_its_versions_editions():
    text = stored("book")

    assert loads(text.replace('"versions"', '"editions"')) == loads(text)


def test_a_book_keeps_the_date_of_each_price_version():
    book = loads(stored("book"))

    assert [version.start for version in book] == [date(2026, 1, 1), date(2026, 7, 1)]


# Accounts that were edited


def edits_of(value, path=()):
    """Every single edit of a document: a member left out, one changed, one doubled in size."""
    for key, item in value.items():
        yield (*path, key), None
        if isinstance(item, dict):
            yield from edits_of(item, (*path, key))
        elif isinstance(item, str):
            yield (*path, key), item + "0"
            yield (*path, key), item[:-1] + ("8" if item[-1:] != "8" else "7")


def edited(document, path, item):
    table = document
    for key in path[:-1]:
        table = table[key]
    if item is None:
        del table[path[-1]]
    else:
        table[path[-1]] = item
    return json.dumps(document)


EDITS = list(edits_of({key: it for key, it in json.loads(stored("account-open")).items() if key != "type"}))


@pytest.mark.parametrize(("path", "item"), EDITS, ids=str)
def test_an_edited_account_is_refused_or_the_same(path, item):
    text = edited(json.loads(stored("account-open")), path, item)

    with pytest.raises((UnreadableField, UnreadableInput)):
        loads(text)


def test_an_account_that_lost_its_whole_state_is_refused():
    closed = dumps(Account(balance=[Grant("g", 5, "USD")]))
    document = {name: item for name, item in json.loads(closed).items() if name != "balance"}

    with pytest.raises(UnreadableField, match="edited since it was written"):
        loads(json.dumps(document))
    assert loads(json.dumps(document), edited=True) == Account()


def test_an_edit_that_is_meant_is_read():
    text = stored("account-open").replace('"api_calls":"100"', '"api_calls":"10"')
    bill = stored("bill-interim").replace('"api_calls":"100"', '"api_calls":"10"')

    with pytest.raises(UnreadableField, match="Account was edited since it was written: another digest: '"):
        loads(text)
    with pytest.raises(UnreadableField, match=r"^Bill\.closing: Account was edited"):
        loads(bill)
    assert loads(text, edited=True).used == {"api_calls": 10}
    assert loads(bill, edited=True).closing.used == {"api_calls": 10}


def test_an_account_that_holds_what_no_document_does_is_refused():
    text = 'type = "Account"\nversion = 2\nused = {a = 2026-01-01}\ndigest = ""'

    with pytest.raises(UnreadableField, match="no number"):
        loads(text, format="toml")


def test_a_table_may_say_its_own_version():
    old = stored("account-open", 1)
    bill = stored("bill-on-demand").replace('"closing":{}', f'"closing":{old}')

    assert loads(bill).closing == loads(old)


def test_draws_of_version_1_are_a_table():
    with pytest.raises(UnreadableField, match=r"^Account\.draws"):
        loads('{"type": "Account", "version": 1, "draws": 5}')
    with pytest.raises(UnreadableField, match=r"^Account\.carried: no number"):
        loads('{"type": "Account", "version": 1, "carried": "x"}')


@pytest.mark.parametrize("exact", ["7.50", "-2.50", "2.500000000000000002", "7/3", "0"])
def test_an_exact_amount_beside_another_amount_is_refused(exact):
    """It would be believed: ``bill.exact`` and every sum of exact amounts go by it."""
    document = json.loads(dumps(Bill.of({"a": 5}, BillingPlan.on_demand(PriceSchedule(a="0.5")))))
    document["lines"][0]["exact"] = exact

    with pytest.raises(UnreadableField, match="the exact amount of a line"):
        loads(json.dumps(document))


def test_an_exact_amount_that_never_ends_is_read_beside_what_is_shown_of_it():
    bill = Bill.of({"a": 7}, BillingPlan.on_demand(PriceSchedule(a=PerUnit("0.10", per=3600))))

    assert loads(dumps(bill)).exact == bill.exact == Fraction(7, 36000)


def test_exact_amounts_with_nothing_in_common_are_refused_before_they_are_summed():
    document = json.loads(dumps(Bill.of({}, BillingPlan.on_demand(PriceSchedule(a=1)))))
    small = [f"1/{10**1000 + 7 * i + 1}" for i in range(120)]
    document["lines"] = [
        {"kind": "usage", "description": "a", "amount": "0", "exact": text} for text in small
    ]

    with pytest.raises(UnreadableField, match="nothing in common"):
        loads(json.dumps(document))


@pytest.mark.parametrize(
    "terms",
    [
        {"taxes": [Tax("VAT", 19, starts="2026-12-16"), Tax("city", 2, after=("VAT",))]},
        {"taxes": [Tax("VAT", 19, ends="2026-11-16"), Tax("city", 2, after=("VAT",))]},
        {"fees": [Fee(5, "seat", starts="2026-12-16")], "discounts": [Discount.percent(10, on="fee:seat")]},
        {"fees": [Fee(5, "seat", ends="2026-11-16")], "taxes": [Tax("VAT", 10, on="fee:seat")]},
        {"fees": [Fee(5, "seat", starts="2026-12-16")], "maximum": Limit(3, on="fee:seat")},
    ],
    ids=["tax to come", "tax that ended", "fee to come", "fee that ended", "maximum of a fee to come"],
)
@pytest.mark.parametrize("month", ["2026-11", "2026-12"])
def test_a_bill_of_a_version_without_what_another_version_has_is_read_again(terms, month):
    months = {"2026-11": Period("2026-11-01", "2026-12-01"), "2026-12": Period("2026-12-01", "2027-01-01")}
    plan = BillingPlan(PriceSchedule(calls="0.01"), cycle=Cycle.monthly(), **terms)
    bill = Bill.of({f"{month}-20": {"calls": 100}}, plan, period=months[month])

    again = loads(dumps(bill))

    assert again == bill
    again.verify()
    assert loads(dumps(again.plan)) == bill.plan
