"""What others rely on: how values are made, what their hashes are, and how large things may be.

Calls and stored code rely on the order of what may be given by position, and on what stands for the rest;
what comes anew is given by its name alone, at the end. Stored accounts know their terms by a hash.
"""

import inspect
from importlib import import_module

import pytest
from attrs import evolve

import tokenbill
from tokenbill import (
    BillingPlan,
    Commitment,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Limit,
    PerUnit,
    Price,
    PriceSchedule,
    Quota,
    Rounding,
    Tax,
    Tier,
    Trial,
)

SIGNATURES = """
Account(period=None, fingerprint=None, used=Usage({}), accrued=Decimal('0'), draws=(),
    balance=Balance(grants=(), order=('priority', 'expires', 'starts', 'id'), draws=(),
    rolled_over=(), forfeited=(), payouts=(), most=None, void=(), holds=(), recurring=()),
    credit_balance=Decimal('0'), credit_currency=None, idle_labels=(), versions=(), billed_at=None,
    goodwill=(), commitments=(), *, windows=(), top_ups=(), levels=())
Adjustment(lines, before, after, currency, period=None, reason='', places=None)
Amount(on=None)
Balance(grants=(), order=('priority', 'expires', 'starts', 'id'), *, draws=(), rolled_over=(),
    forfeited=(), payouts=(), most=None, void=(), holds=(), recurring=())
Bill(parts, total, /)
BillingPlan(prices, *, name='', fees=(), included=(), prorate_included=False, discounts=(),
    minimum=None, maximum=None, taxes=(), rounding=NOTHING, currency=None, token_price=None,
    cycle=None, proration='day', trial=None, overage='bill', least_due=None, quotas=(),
    commitment=(), is_version=False)
Breakdown(rows, total, currency)
BreakdownRow(kind, meter, description, list_amount, discounts, credit, included, net, taxes, gross)
Commitment(amount, *, cycle, on=None, true_up='end', overage=Decimal('1'), name='commitment')
Contract(plan, amendments=(), *, end=None, end_fees='prorated')
Currency(code, places=None)
Cycle(unit, anchor, every=1, tz='UTC', *, boundaries=())
Discount(value, unit, name, on=None, *, prorated=True, starts=None, ends=None)
Fee(amount, name='subscription', due='advance', prorated=True, *, starts=None, ends=None,
    cycle=None, level=None, currency=None)
Flat(amount, at_zero=False)
Graduated(tiers, per=Decimal('1'), fee_at_zero=False)
Grant(id, amount, currency, starts=None, expires=None, priority=0, kind='paid', on=None,
    rollover=None, created=None, *, cost=None, most=None, through=None)
Grants(id, amount, cycle, currency, life=None, prorated='none', starts=None, ends=None,
    kind='promotional', on=None, priority=0, made_until=None)
Hold(id, reserved=(), usage=Usage({}), until=None)
Invoice(bills)
Journal(postings, currency, title)
Limit(amount, on=None, *, prorated=True)
LineItem(charge, quantity, amount, precise, base=None)
Package(size, fee, round='up')
PerUnit(rate, per=Decimal('1'))
Period(start, end)
PriceBook(versions)
PriceSchedule(prices=(), /, *, currency='USD', name='', source=None, **more)
Quota(on=None, units=None, *, every, amount=None, tz='UTC', rolling=False, name='')
Rounding(places=None, mode='half_up', stage='bill', tax='total', *, step=None)
Tax(name, percent, inclusive=False, on=None, *, starts=None, ends=None, after=(), unit_amount=None,
    category='', reason='')
Tier(up_to, rate=Decimal('0'), fee=Decimal('0'), per=None, round='none')
TopUp(below, to, most=None, cooloff=None, bonus=None, currency=None, name='top-up')
Trial(length, on=('fee',))
Usage(quantities=(), /, **more)
Volume(tiers, per=Decimal('1'), fee_at_zero=False)
"""


def signatures():
    """The lines above, one for each class."""
    return [" ".join(text.split()) for text in SIGNATURES.replace("\n    ", " ").strip().splitlines()]


@pytest.mark.parametrize("line", signatures(), ids=lambda line: line.partition("(")[0])
def test_a_value_is_made_by_these_arguments(line):
    made = inspect.signature(getattr(tokenbill, line.partition("(")[0]))
    plain = [each.replace(annotation=inspect.Parameter.empty) for each in made.parameters.values()]

    bare = made.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    assert f"{line.partition('(')[0]}{bare}" == line


def test_methods_that_make_prices_and_terms_are_called_by_these_arguments():
    made = {
        Price.in_units: "(of=1, times=1, round='none')",
        Discount.fixed: "(amount, name='', *, on=None, prorated=True, **dates)",
    }
    for method, expected in made.items():
        its = inspect.signature(method)
        plain = [each.replace(annotation=inspect.Parameter.empty) for each in its.parameters.values()]
        plain = [each for each in plain if each.name != "self"]
        bare = str(its.replace(parameters=plain, return_annotation=inspect.Signature.empty))
        assert bare == expected


MONTH = Cycle.monthly("2026-01-01")
PLAN = BillingPlan(PriceSchedule(a=1, b=Graduated([Tier(10, 1), Tier(None, "0.5")])))
TERMS = {
    "nothing": {},
    "fees": {"fees": [Fee(5), Fee(3, "other", due="arrears", prorated=False)]},
    "fees of their own": {
        "fees": Fee(5, cycle=Cycle.quarterly("2026-01-01"), starts="2026-02-01"),
        "cycle": MONTH,
    },
    "discounts": {"discounts": [Discount.percent(5), Discount.fixed(1, "one", prorated=False)]},
    "taxes": {
        "taxes": [Tax("A", 5), Tax("B", 7, inclusive=True, on="a"), Tax.per_unit("C", "0.1", meter="a")]
    },
    "no tax": {"taxes": Tax.none("AE", "Reverse charge")},
    "limits": {"minimum": Limit(5), "maximum": Limit(9, on="a", prorated=False)},
    "commitment": {"commitment": Commitment(50, cycle=MONTH), "cycle": MONTH},
    "rounding": {"rounding": Rounding(3, "up", "line", "line")},
    "coins": {"rounding": Rounding(step="0.05")},
    "trial": {"trial": Trial(14, on=("fee", "usage")), "cycle": MONTH},
    "listed": {"cycle": Cycle.listed(["2026-01-01", "2026-02-01", "2026-03-05"])},
    "quota": {"quotas": Quota("a", 5, every="1d", rolling=True)},
    "what it owes": {"least_due": 5, "overage": "owe", "included": {"a": 5}, "prorate_included": True},
    "tokens": {"token_price": PerUnit(2), "currency": "EUR"},
}
FINGERPRINTS = {
    "nothing": "efa250fa7c825f43",
    "fees": "2b68d06a78dd6dc3",
    "fees of their own": "10490a5acdb8dc01",
    "discounts": "653d36453979db5d",
    "taxes": "64575bad201908ac",
    "no tax": "33c2a94ac21ee625",
    "limits": "106b7b7b7bb6f6fc",
    "commitment": "9a2441e89dc87d8e",
    "rounding": "0870a8490e6b51e8",
    "coins": "fadefd023491fe55",
    "trial": "dfc8fe249c4eeed1",
    "listed": "da3bbf9ce91d051c",
    "quota": "efa250fa7c825f43",
    "what it owes": "f2c2418e90efef7a",
    "tokens": "a1c4f7a5885ced85",
}
"""By terms. A hash that changes makes a stranger of each account that was stored before."""


@pytest.mark.parametrize("terms", TERMS)
def test_a_plan_has_the_hash_that_accounts_know_it_by(terms):
    assert evolve(PLAN, **TERMS[terms]).fingerprint()[:16] == FINGERPRINTS[terms]


def test_what_a_plan_works_out_is_no_part_of_it():
    version = evolve(PLAN, is_version=True)

    assert version == PLAN
    assert "is_version" not in repr(version)
    PLAN.fingerprint()
    assert repr(PLAN) == repr(evolve(PLAN))


SIZES = {
    "base.inputs": {"ITEMS": 100_000, "NAME_LENGTH": 255},
    "billing.page": {"LONGEST_ADDRESS": 20, "PLACES": 30},
    "credits.grants": {"FINEST": 12, "GRANTS": 100_000},
    "credits.recurring": {"LIVES": 1000},
    "metering.meters": {"TEXT_LENGTH": 4096},
    "metering.scopes": {"PARTS": 1000},
    "money.currencies": {"LONGEST": 1000},
    "money.decimals": {"LIMIT": 10**30, "PLACES": 30, "SIZE": 2000, "TEXT_LENGTH": 64, "SHARE": 10**18},
    "money.rounding": {"WEIGHTS": 100_000},
    "periods.cycle": {"MOST": 10_000},
    "periods.instants": {"LONGEST": 120},
    "plans.trial": {"DAYS": 3660},
    "pricing.breakdown": {"LONGEST_RULE": 400},
    "pricing.markup": {"MOST": 50_000},
    "pricing.schedule": {"SHAPES": 100},
    "pricing.source": {"WEEK": (1, 2, 3, 4, 5, 6, 7)},
    "pricing.tiers": {"TIERS": 1000},
    "rating.integer_price": {"SHOWN": 18},
}
"""The most that is taken, by module: what was taken once is taken for ever."""


@pytest.mark.parametrize("module", SIZES)
def test_what_was_taken_once_is_taken_for_ever(module):
    found = import_module(f"tokenbill.core.{module}")

    assert {name: getattr(found, name) for name in SIZES[module]} == SIZES[module]
