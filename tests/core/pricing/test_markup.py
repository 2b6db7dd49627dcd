import pytest

from tokenbill import Bill, BillingPlan, Graduated, Meter, PerUnit, PriceSchedule, Tier, Usage, serial
from tokenbill.core.pricing import markup
from tokenbill.core.pricing.markup import MarkedUp
from tokenbill.errors import InvalidMeter, InvalidNumber, InvalidPrice, InvalidSchedule
from tokenbill.testing import check_price

BASE = PriceSchedule({"calls": "2.50"})
RULES = {"provider=x": "15%", "model=y": 0}


def rate(schedule, meter):
    return schedule.match(meter).price(1)


def test_the_most_specific_mark_up_wins():
    sold = BASE.marked_up("20%", RULES)

    assert rate(sold, "calls") == 3
    assert rate(sold, "calls{provider=x}") == rate(sold, "calls{provider=x,region=eu}")
    assert str(rate(sold, "calls{provider=x}").normalize()) == "2.875"
    assert rate(sold, "calls{model=y}") == rate(sold, "calls{model=y,provider=x}") == rate(BASE, "calls")


def test_entries_with_the_labels_need_no_others():
    base = PriceSchedule({"calls{provider=x}": 1, "calls{provider=z}": 2, "disks": 4})
    sold = base.marked_up(50, {"provider=x": "10 %", "disks": "25"})

    assert set(sold) == {*base, Meter("disks{provider=x}")}
    assert [rate(sold, key) for key in base] == [rate(base, "calls{provider=x}") * 11 / 10, 3, 5]


def test_a_meter_with_labels_beats_its_labels():
    base = PriceSchedule({"calls": 1, "disks": 1})
    sold = base.marked_up(0, {"provider=x": 10, "calls{provider=x}": 20, "provider=x,model=y": 30})

    assert rate(sold, "disks{provider=x}") * 10 == 11
    assert rate(sold, "calls{provider=x}") * 10 == 12
    assert rate(sold, "calls{provider=x,model=y}") * 10 == 13


def test_the_base_is_that_of_the_entry_that_prices_the_meter():
    base = PriceSchedule({"calls": 1, "calls{cache=read}": 10})
    sold = base.marked_up(0, {"provider=x": 100})

    assert (rate(sold, "calls{provider=x}"), rate(sold, "calls{cache=read,provider=x}")) == (2, 20)


def test_a_line_shows_base_and_mark_up():
    bill = Bill.of(Usage(calls=2), BillingPlan.on_demand(BASE.marked_up("20%")))
    bill.verify()

    assert [(line.rate, line.amount) for line in bill.lines] == [(3, 6)]
    assert bill.lines[0].charge.rule == "every unit at 2.50, plus 20 % mark-up"
    assert "5.00 plus 20 %" in bill.explain()


def test_groups_and_tiers_are_marked_up_within():
    tiers = Graduated([Tier(10, 1), Tier(None, "0.50")])
    base = PriceSchedule(calls=tiers.each("region"), disks=tiers.after(5))
    sold = base.marked_up(10)

    assert sold["calls"].labels == ("region",)
    assert sold["disks"](25) * 10 == base["disks"](25) * 11
    assert "(the first 5 units free" in sold["disks"].in_words()
    check_price(sold["disks"])
    assert serial.loads(serial.dumps(sold)) == sold


def test_currency_and_name_stay():
    sold = PriceSchedule({"calls": 1}, currency="EUR", name="list").marked_up(5)

    assert (sold.currency.code, sold.name) == ("EUR", "list")


@pytest.mark.parametrize(
    ("percent", "rules", "error", "match"),
    [
        ("-1%", {}, InvalidSchedule, "below zero"),
        ("many", {}, InvalidNumber, "many"),
        (0.2, {}, InvalidNumber, "float"),
        (1, 5, InvalidSchedule, "not mark-ups"),
        (1, {"disk": 2}, InvalidSchedule, "on nothing that is priced"),
        (1, {"a=b": 2, "c=d": 3}, InvalidSchedule, "ties"),
        (1, {"a=": 2}, InvalidMeter, "cannot be read"),
    ],
    ids=list("abcdefg"),
)
def test_mark_ups_that_are_none_are_refused(percent, rules, error, match):
    with pytest.raises(error, match=match):
        BASE.marked_up(percent, rules)


def test_a_price_is_marked_up_by_zero_or_more():
    assert MarkedUp(PerUnit(2), 0)(3) == 6
    with pytest.raises(InvalidPrice):
        MarkedUp(PerUnit(2), -1)


@pytest.mark.parametrize("most", [1, 2, 3])
def test_mark_ups_make_no_endless_schedules(monkeypatch, most):
    monkeypatch.setattr(markup, "MOST", most)
    base = PriceSchedule({"calls": 1, "disks": 1})

    with pytest.raises(InvalidSchedule, match="too many prices by mark-up"):
        base.marked_up(1, {"calls{a=b}": 2, "disks{a=b}": 3})


def test_an_entry_of_its_own_is_marked_up_once_by_what_fits_its_labels_best():
    prices = PriceSchedule({"t{model=a}": 1, "t": 2}).marked_up("20%", {"model=a": "10%"})
    plan = BillingPlan.on_demand(prices)

    assert Bill.of(Usage({"t{model=a}": 10}), plan).total == 11
    assert Bill.of(Usage({"t{model=b}": 10}), plan).total == 24


def test_of_two_mark_ups_with_as_many_labels_the_one_of_the_model_wins():
    rules = {"provider=x,region=eu": 10, "model=y,region=eu": 20}
    sold = PriceSchedule({"calls": 1}).marked_up(0, rules)

    assert rate(sold, "calls{model=y,provider=x,region=eu}") * 10 == 12


def test_as_many_prices_by_mark_up_as_there_may_be(monkeypatch):
    monkeypatch.setattr(markup, "MOST", 3)
    base = PriceSchedule({"calls": 1})

    assert len(base.marked_up(0, {"provider=x": 10, "provider=y": 20})) == 3
    with pytest.raises(InvalidSchedule, match="too many"):
        base.marked_up(0, {"provider=x": 10, "provider=y": 20, "provider=z": 30})


def test_a_mark_up_on_two_labels_is_on_no_meter_that_has_another_of_them():
    base = PriceSchedule({"calls{provider=x,region=us}": 1, "calls{provider=x,region=eu}": 1})
    sold = base.marked_up(0, {"provider=x,region=eu": 50})

    assert set(sold) == set(base)
    assert rate(sold, "calls{provider=x,region=us}") * 2 == 2
    assert rate(sold, "calls{provider=x,region=eu}") * 2 == 3


def test_a_mark_up_that_no_entry_can_have_is_refused():
    base = PriceSchedule({"calls{provider=x,region=eu}": 1})

    for rule in ("provider=y", "provider=x,region=us", "disks", "disks{provider=x}"):
        with pytest.raises(InvalidSchedule, match="on nothing that is priced"):
            base.marked_up(0, {rule: 10})
    for rule in ("provider=x", "region=eu", "calls", "model=z", "calls{provider=x,region=eu}"):
        assert base.marked_up(0, {rule: 10})


def test_a_model_beats_a_provider_and_a_provider_any_other_label():
    base = PriceSchedule({"calls": 1})
    rules = {"model=m": 10, "provider=p": 20, "region=r": 30}
    sold = base.marked_up(0, rules)

    assert rate(sold, "calls{model=m,provider=p,region=r}") * 10 == 11
    assert rate(sold, "calls{provider=p,region=r}") * 10 == 12
    assert rate(sold, "calls{region=r}") * 10 == 13
