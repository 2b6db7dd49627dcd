"""Scopes that exist: what a term or a grant is on has to be there, or the nearest name is told."""

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Discount,
    Fee,
    Grant,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Quota,
    Tax,
    Usage,
)
from tokenbill.core.plans.trial import CoveredSchedule
from tokenbill.core.pricing.schedule import Entry
from tokenbill.errors import InvalidPlan, UnpricedUsage

PRICES = PriceSchedule(api_calls=1, gpu_hours=2)
JUNE = Period("2026-06-01", "2026-07-01")


class Own:
    """A schedule of a user's own, which lists no entries."""

    currency = "USD"

    def match(self, meter):
        return Entry(meter, PerUnit(1))


def plan(*taxes, prices=PRICES, **terms):
    return BillingPlan.subscription(Fee(100, "storage"), prices, taxes=taxes, **terms)


@pytest.mark.parametrize(
    ("on", "way_out"),
    [
        ("fees", "did you mean 'fee'?"),
        ("Usage", "did you mean 'usage'?"),
        ("api_call", "did you mean 'api_calls'?"),
        ("gpu_hourz", "did you mean 'gpu_hours'?"),
        ("fee:storrage", "did you mean 'fee:storage'?"),
        ("tax", "name one of 'api_calls', 'fee', 'fee:storage' and 3 more"),
        (("usage", "seconds"), "name one of"),
    ],
)
def test_a_term_on_what_is_not_there_is_refused_with_the_nearest_name(on, way_out):
    with pytest.raises(InvalidPlan, match="a tax on nothing that is charged") as refused:
        plan(Tax("VAT", 20, on=on))
    assert way_out in str(refused.value)
    with pytest.raises(InvalidPlan, match="a discount on nothing"):
        plan(discounts=Discount.fixed(5, on=on))


@pytest.mark.parametrize("on", ["fee", "usage", "minimum", "api_calls", "gpu_hours", "fee:storage", None])
def test_a_term_on_what_is_there_is_taken(on):
    assert plan(Tax("VAT", 20, on=on)).taxes


def test_a_tax_on_fees_taxes_the_fee():
    taxed = plan(Tax("VAT", 20, on="fee"))

    assert str(Bill.of(Usage(api_calls=50), taxed).total) == "170.00"  # 100 + 50 + 20


def test_a_fee_is_named_in_a_scope():
    taxed = plan(Tax("VAT", 10, on="fee:storage"), fees=[Fee(40, "platform")])

    assert str(Bill.of(Usage(api_calls=50), taxed).total) == "200.00"  # 100 + 40 + 50 + 10


def test_a_meter_that_includes_an_entry_is_there():
    prices = PriceSchedule({"gpu_hours{gpu=H100}": 2, "gpu_hours{gpu=A100}": 1})

    assert plan(Tax("VAT", 20, on="gpu_hours"), prices=prices).taxes
    with pytest.raises(InvalidPlan):  # usage of L40 has no price
        plan(Tax("VAT", 20, on="gpu_hours{gpu=L40}"), prices=prices)


def test_a_meter_may_name_some_groups_of_an_entry():
    prices = PriceSchedule({"calls{kind=a}": PerUnit(1).each("region")})

    assert plan(Tax("VAT", 20, on="calls{region=eu}"), prices=prices).taxes
    for on in ("calls{kind=b}", "calls{zone=eu}", "call{region=eu}"):
        with pytest.raises(InvalidPlan):
            plan(Tax("VAT", 20, on=on), prices=prices)


def test_a_label_that_no_entry_has_is_nothing_that_is_charged():
    with pytest.raises(InvalidPlan, match="did you mean 'gpu_hours'"):
        plan(Tax("VAT", 20, on="gpu_hours{gpu=H100}"))


def test_a_price_book_has_what_any_of_its_schedules_has():
    more = PriceSchedule(api_calls=1, gpu_hours=2, disks=3)
    book = PriceBook([("2026-01-01", PRICES), ("2026-06-16", more)])
    taxed = plan(Tax("VAT", 20, on="disks"), prices=book)

    # 100 + 5 × 3 + 20 % of 15
    bill = Bill.of({"2026-06-20": Usage(disks=5)}, taxed, period=JUNE)
    assert str(bill.total) == "118.00"
    with pytest.raises(InvalidPlan):
        plan(Tax("VAT", 20, on="disk"), prices=book)


def test_a_term_may_be_on_a_fee_that_is_not_yet_owed():
    later = Fee(30, "support", starts="2026-06-16")
    taxed = plan(Tax("VAT", 20, on="fee:support"), fees=[later])

    assert str(Bill.of(Usage(), taxed, period=JUNE).total) == "118.00"  # 100 + 15 + 3


def test_of_a_schedule_of_ones_own_meters_are_not_known():
    assert plan(Tax("VAT", 20, on="anything"), prices=Own()).taxes
    with pytest.raises(InvalidPlan):
        plan(Tax("VAT", 20, on="fee:other"), prices=Own())


def test_an_allowance_for_no_entry_tells_the_nearest():
    with pytest.raises(InvalidPlan, match=r"an allowance for no entry.*did you mean 'api_calls'"):
        plan(included={"api_call": 100})


def test_the_scope_of_a_grant_is_asked_at_the_bill():
    account = Account(balance=[Grant("g", 10, "USD", on="api_call")])

    with pytest.raises(InvalidPlan, match=r"grant g on nothing that is charged.*did you mean 'api_calls'"):
        Bill.of(Usage(api_calls=5), plan(), opening=account)


def test_a_grant_may_be_on_what_another_plan_of_the_contract_charges():
    old = BillingPlan.subscription(100, PriceSchedule(calls=1))
    contract = Contract(old).amended("2026-06-01", plan())
    account = Account(balance=[Grant("g", 10, "USD", on="calls")])

    bill = Bill.of(Usage(api_calls=5), contract.amended("2026-06-16", plan()), opening=account, period=JUNE)
    assert str(bill.total) == "105.00"


def test_a_grant_on_one_fee_pays_that_fee():
    account = Account(balance=[Grant("g", 500, "USD", on="fee:storage")])
    bill = Bill.of(Usage(api_calls=50), plan(fees=[Fee(40, "platform")]), opening=account)

    assert (str(bill.due), dict(bill.closing.balance.draws)["g"]) == ("90.00", 100)


@pytest.mark.parametrize(
    "quota", [Quota("gpu_hourz", 1, every="5h"), Quota(amount=1, every="1d", on=("api_calls", "gpu_hourz"))]
)
def test_a_quota_on_what_is_not_there_is_refused(quota):
    prices = PriceSchedule(api_calls=1, gpu_hours=1)

    with pytest.raises(InvalidPlan, match="did you mean 'gpu_hours'"):
        BillingPlan(prices, quotas=[quota])


def test_a_draw_limit_on_what_is_not_there_is_refused_at_the_bill():
    opening = Account(balance=[Grant("g", 1, "USD", most=("1", "api_callz"))])

    with pytest.raises(InvalidPlan, match="a draw limit of grant g on nothing that is charged"):
        Bill.of({}, BillingPlan(PriceSchedule(api_calls=1)), opening=opening)


def test_a_curve_of_a_misspelt_meter_is_refused_with_the_nearest():
    curve = PerUnit(3).of("api_call")
    books = PriceBook([("2026-01-01", PRICES), ("2026-06-16", PriceSchedule(images=1))])

    for terms in ({"included": {"gpu_hours": curve}}, {"minimum": curve}, {"fees": [Fee(curve, "care")]}):
        for prices in (PRICES, books):
            with pytest.raises(InvalidPlan, match=r"a curve of no meter.*did you mean 'api_calls'"):
                plan(prices=prices, **terms)


def test_a_level_may_be_called_like_a_meter_where_a_fee_says_that_it_is_one():
    gpu = Fee(10, "gpu", level="gpu_hour")
    care = Fee(PerUnit(1).of("gpu_hour"), "care")

    bill = Bill.of(Usage(), plan(fees=[gpu, care]), period=JUNE, levels={"gpu_hour": 2})
    assert str(bill.total) == "122.00"  # 100 + 20 + 2
    assert plan(fees=[Fee(PerUnit(1).of("seats"), "care")]).levels == {"seats"}


def test_an_allowance_may_be_for_an_entry_that_only_a_later_schedule_has():
    # it was refused at the first bill of a period in which the first schedule still holds
    book = PriceBook([("2026-01-01", PriceSchedule(disk=1)), ("2026-06-16", PriceSchedule(disk=1, egress=2))])
    terms = plan(prices=book, included={"egress": 5})

    assert str(Bill.of({"2026-06-20": Usage(egress=7)}, terms, period=JUNE).total) == "104.00"  # 100 + 2 × 2
    with pytest.raises(InvalidPlan, match=r"an allowance for no entry.*did you mean 'egress'"):
        plan(prices=book, included={("disk", "egres"): 5})


class Listed(Own):
    """A schedule of one's own that lists some entries, and has no price for others."""

    def __iter__(self):
        return iter({"a": 1, "b{model=x}": PerUnit(2)}.items())

    def match(self, meter):
        raise UnpricedUsage([meter])


def test_what_a_schedule_of_ones_own_lists_is_free_in_a_trial():
    tried = CoveredSchedule(Listed())
    assert [(str(entry.key), entry.price.exact(5)) for entry in tried] == [("a", 0), ("b{model=x}", 0)]
    assert list(CoveredSchedule(Own())) == []
