"""How the public values are made: the order of what may be given by position, and what stands for the rest.

Calls and stored code of others rely on both. What comes anew is given by its name alone, at the end.
"""

import inspect

import pytest

import tokenbill

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
