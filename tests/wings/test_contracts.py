"""Contracts in the wings: billed by the plan in force, or refused with the way out."""

import json
from datetime import date
from fractions import Fraction

import pytest

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Discount,
    Fee,
    Grant,
    Period,
    PriceBook,
    PriceSchedule,
    Usage,
    compare,
    focus,
    serial,
    watch,
)
from tokenbill.cli import main
from tokenbill.errors import InvalidPeriod, InvalidPlan

MARCH, APRIL = Period("2026-03-01", "2026-04-01"), Period("2026-04-01", "2026-05-01")
SMALL, LARGE = (
    BillingPlan.subscription(fee, PriceSchedule(calls="0.01"), cycle=Cycle.monthly()) for fee in (31, 62)
)
UPGRADED = Contract(SMALL).amended("2026-03-16", LARGE)
DATED = BillingPlan.on_demand(
    PriceBook([("2026-01-01", PriceSchedule(calls="0.01")), ("2026-04-01", PriceSchedule(calls="0.02"))])
)


def account(terms, period, at, usage=(), opening=None):
    return Bill.of(
        dict(usage), terms, period=period, at=at, final=False, opening=opening or Account()
    ).closing


# --- watch -----------------------------------------------------------------------------------------------


def test_a_status_is_that_of_the_plan_in_force():
    status = watch.status(account(UPGRADED, APRIL, "2026-04-01", {"calls": 100}), UPGRADED, at="2026-04-11")

    assert (str(status.spent), str(status.forecast.total)) == ("63.00", "65.00")


def test_credit_is_followed_into_versions_to_come():
    # after 31 for March, 39 pay another 31, but not 62
    paid = Account(balance=[Grant("paid", 70, "USD")])
    contract = Contract(SMALL).amended("2026-04-01", LARGE)
    now = account(contract, MARCH, "2026-03-01", opening=paid)

    assert watch.status(now, contract, at="2026-03-10").exhausted_on == date(2026, 4, 1)
    assert watch.status(now, SMALL, at="2026-03-10").exhausted_on == date(2026, 5, 1)


def test_advice_reads_dated_prices_of_its_period():
    saved = watch.advice(
        Usage(calls=100), DATED, period=APRIL, plans=[BillingPlan.on_demand(PriceSchedule(calls="0.005"))]
    )

    assert [str(each.saving) for each in saved] == ["1.50"]
    with pytest.raises(InvalidPeriod, match="no period"):
        watch.advice(Usage(calls=100), DATED)


# --- compare ---------------------------------------------------------------------------------------------


def test_a_contract_that_never_changed_is_compared_as_its_plan():
    best = compare.plans(Usage(calls=1), {"now": Contract(SMALL), "more": LARGE}).best

    assert (best.name, str(best.total)) == ("now", "31.01")


def test_a_contract_that_changes_is_compared_over_its_period():
    usage = {MARCH: {"2026-03-05": Usage(calls=100), "2026-03-20": Usage(calls=200)}}
    dearer = Contract(SMALL).amended("2026-03-16", LARGE, fees="from_start")

    ranking = compare.plans(usage, {"later": UPGRADED, "at once": dearer, "stay": SMALL})

    # 300 calls at 0.01, and 31, 15 + 32, 62 of fees
    totals = [(ranked.name, str(ranked.total)) for ranked in ranking.ranking]
    assert totals == [("stay", "34.00"), ("later", "50.00"), ("at once", "65.00")]
    assert str(ranking.currency) == "USD"
    assert repr(ranking.best) == "<1. stay: 34.00 USD>"


def test_a_contract_that_refuses_overage_is_compared_as_if_it_billed_it():
    plans = [BillingPlan.prepaid(PriceSchedule(calls=rate), overage="refuse") for rate in (1, 2)]
    terms = Contract(plans[0]).amended("2026-03-16", plans[1])
    usage = {MARCH: {"2026-03-05": Usage(calls=1), "2026-03-20": Usage(calls=1)}}

    assert str(compare.plans(usage, [terms]).best.total) == "3.00"


def test_other_terms_are_those_of_every_version():
    usage = {MARCH: {"2026-03-05": Usage(calls=100)}}

    what_if = compare.what_if(usage, UPGRADED, prices=PriceSchedule(calls="0.02"))

    assert str(what_if.total) == "1.00"
    assert compare.candidate_sizes(usage, "calls") == (0, 100)


def test_a_contract_is_a_curve_where_one_version_holds():
    cheap, dear = (BillingPlan.on_demand(PriceSchedule(calls=rate)) for rate in ("0.01", "0.02"))
    terms = Contract(cheap).amended("2026-04-01", dear)
    flat = BillingPlan.subscription(20, PriceSchedule(calls=0), cycle=Cycle.monthly())

    points = [compare.break_even(terms, flat, "calls", period=period) for period in (MARCH, APRIL)]
    halves = compare.cheapest_plans([terms, flat], "calls", period=Period("2026-03-01", "2026-03-16"))

    assert [int(point.quantity) for (point,) in points] == [2000, 1000]
    # of the fee of 20 a month 15 days of 31 are due
    assert halves[0].end == Fraction(20 * 15 * 100, 31)
    with pytest.raises(InvalidPlan, match="terms that change, and no period"):
        compare.break_even(terms, flat, "calls")
    with pytest.raises(InvalidPlan, match="terms that change in the period"):
        compare.break_even(UPGRADED, flat, "calls", period=MARCH)


def test_dated_prices_are_compared_by_month():
    both = compare.plans({MARCH: Usage(calls=100), APRIL: Usage(calls=100)}, [DATED])

    assert str(both.best.total) == "3.00"


# --- focus -----------------------------------------------------------------------------------------------


def test_focus_has_rows_of_a_bill_of_one_version():
    rows = focus.rows(Bill.of({"calls": 100}, UPGRADED, period=APRIL), issuer="Acme", account_id="acme")

    assert sum(row["BilledCost"] for row in rows) == 63


# --- frames ----------------------------------------------------------------------------------------------


def test_a_frame_is_rated_by_the_plan_in_force():
    polars = pytest.importorskip("polars")
    pytest.importorskip("numpy")
    from tokenbill import frames

    calls = polars.DataFrame({"tenant": ["a", "b"], "calls": [100, 200]})
    for terms, total in ((UPGRADED, 127), (DATED, 6)):
        rated = frames.rate(calls, terms, by="tenant", period=APRIL)
        assert sum(rated["amount"]) == total

    for terms, period in ((UPGRADED, MARCH), (UPGRADED, None), (DATED, None), (5, None)):
        with pytest.raises(InvalidPlan, match=r"terms that change|not a plan"):
            frames.rate(calls, terms, by="tenant", period=period)


@pytest.fixture
def replaced():
    """Terms that a fee in arrears was agreed under, for the quarter, and those that took their place."""
    cycles = {"cycle": Cycle.monthly()}
    first, later = (
        BillingPlan.on_demand(
            PriceSchedule(calls=1), fees=[Fee(fee, "support", "arrears", cycle=Cycle.quarterly())], **cycles
        )
        for fee in (90, 180)
    )
    return Contract(first).amended("2026-02-01", later)


def test_a_frame_is_billed_with_terms_of_before_that_count_in_its_month(replaced):
    polars = pytest.importorskip("polars")
    pytest.importorskip("numpy")
    from tokenbill import frames

    calls = polars.DataFrame(
        {"tenant": ["a", "a"], "calls": [3, 4], "at": [date(2026, 3, 5), date(2026, 3, 6)]}
    )
    rated = frames.rate(calls, replaced, by="tenant", period=MARCH, time="at")

    assert sum(rated["amount"]) == Bill.of({"calls": 7}, replaced, period=MARCH).total == 97
    with pytest.raises(InvalidPlan, match="terms of before that count in the period"):
        frames.rate(calls.drop("at"), replaced, by="tenant", period=MARCH)


def test_terms_of_before_that_count_in_a_month_are_no_curve(replaced):
    flat = BillingPlan.subscription(20, PriceSchedule(calls=0), cycle=Cycle.monthly())
    with pytest.raises(InvalidPlan, match="terms of before that count in the period"):
        compare.break_even(replaced, flat, "calls", period=MARCH)


# --- documents and the command line ----------------------------------------------------------------------


def test_the_command_line_bills_terms_of_before_that_count_in_the_month(replaced, tmp_path, capsys):
    contract, usage = tmp_path / "contract.json", tmp_path / "usage.csv"
    serial.dump(replaced, contract)
    usage.write_text("calls\n3\n4\n")
    asked = ["bill", str(usage), "--sum", "calls", "--plan", str(contract)]

    assert main([*asked, "--period", "2026-03-01/2026-04-01"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $97.00"


@pytest.mark.parametrize("form", ["toml", "json"])
def test_the_command_line_reads_a_contract(form, tmp_path, capsys):
    if form == "toml":
        pytest.importorskip("tomli_w")
    contract, usage = tmp_path / f"contract.{form}", tmp_path / "usage.csv"
    serial.dump(UPGRADED, contract)
    usage.write_text("calls\n60\n40\n")
    asked = ["bill", str(usage), "--sum", "calls", "--plan", str(contract)]

    assert main([*asked, "--period", "2026-04-01/2026-05-01"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $63.00"
    assert main(asked) == 1
    assert "terms that change, and no period" in capsys.readouterr().err
    # 15.00 + 32.00 of fees, and calls that cost the same all the time
    assert main([*asked, "--period", "2026-03-01/2026-04-01"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Total: $48.00"


@pytest.fixture
def dearer(tmp_path):
    """A contract whose calls cost twice as much from 16 March on."""
    path = tmp_path / "contract.json"
    cheap, dear = (BillingPlan.on_demand(PriceSchedule(calls=rate)) for rate in ("0.01", "0.02"))
    serial.dump(Contract(cheap).amended("2026-03-16", dear), path)
    return ["--plan", str(path), "--period", "2026-03-01/2026-04-01"]


def totals(capsys):
    return [line for line in capsys.readouterr().out.splitlines() if line.startswith("Total")]


def test_rows_say_when_they_were_used(dearer, tmp_path, capsys):
    usage = tmp_path / "usage.csv"
    rows = ("a,2026-03-05,100", "a,2026-03-15T23:59:59Z,100", "a,2026-03-16T00:00:00Z,100", "b,2026-03-05,1")
    usage.write_text("\n".join(["who,day,calls", *rows]))
    asked = ["bill", str(usage), "--sum", "calls", *dearer]

    assert main([*asked, "--by", "who", "--time", "day"]) == 0
    assert totals(capsys) == ["Total: $4.01"]  # 2 × 1.00 + 2.00, and 0.01
    assert main(asked) == 1
    assert "without a time, though its terms changed" in capsys.readouterr().err
    assert main([*asked, "--at", "2026-03-20"]) == 0
    assert totals(capsys) == ["Total: $6.02"]
    assert main([*asked[:4], "--price", "calls=1", "--time", "day"]) == 2
    assert "give --period" in capsys.readouterr().err
    usage.write_text("day,calls\n2026-04-05,100\n")
    assert main([*asked, "--time", "day"]) == 0  # left out and said, as under a plan
    assert "1 row outside the period" in capsys.readouterr().err


def test_events_have_times(dearer, tmp_path, capsys):
    events = tmp_path / "events.jsonl"
    event = {"specversion": "1.0", "type": "calls", "source": "s", "subject": "acme"}
    used = {"data": {"meter": "calls", "quantity": 100}}
    rows = [
        {**event, "id": f"e{day}", "time": f"2026-03-{day}T12:00:00Z", **used} for day in ("05", "15", "16")
    ]
    events.write_text("\n".join(map(json.dumps, rows)))
    period = ["--period", "2026-03-01T00:00:00Z/2026-04-01T00:00:00Z"]

    assert main(["bill", str(events), "--as", "cloudevents", "--by", "customer", *dearer[:2], *period]) == 0
    assert totals(capsys) == ["Total: $4.00"]


def test_answers_have_times(tmp_path, capsys):
    path, log = tmp_path / "contract.json", tmp_path / "answers.jsonl"
    old, new = (
        BillingPlan.on_demand(
            PriceSchedule({f"{kind}_tokens{{model={model}}}": rate for kind in ("input", "output")})
        )
        for model, rate in (("m-1", 1), ("m-2", 2))
    )
    serial.dump(Contract(old).amended("2026-03-16", new), path)
    answer = {
        "object": "chat.completion",
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }
    # 5 March and 20 March
    rows = [
        {**answer, "id": "c1", "created": 1_772_700_000, "model": "m-1"},
        {**answer, "id": "c2", "created": 1_774_000_000, "model": "m-2"},
    ]
    log.write_text("\n".join(map(json.dumps, rows)))
    asked = ["bill", str(log), "--as", "openai.chat", "--plan", str(path)]
    asked += ["--period", "2026-03-01/2026-04-01"]

    assert main(asked) == 0
    assert totals(capsys) == ["Total: $45.00"]  # 15 × 1 + 15 × 2
    del rows[1]["created"]
    log.write_text("\n".join(map(json.dumps, rows)))
    assert main(asked) == 1
    assert "no time" in capsys.readouterr().err


def test_versions_that_tell_other_lengths_apart_are_refused(tmp_path, capsys):
    path, usage = tmp_path / "contract.json", tmp_path / "usage.csv"
    usage.write_text("tokens\n1\n")
    plain, long = (
        BillingPlan.on_demand(PriceSchedule({"input_tokens": 1, **more}))
        for more in ({}, {"input_tokens{context=1000}": 2})
    )
    serial.dump(Contract(plain).amended("2026-03-16", long), path)
    asked = ["bill", str(usage), "--sum", "input_tokens=tokens", "--plan", str(path)]

    assert main([*asked, "--period", "2026-03-01/2026-04-01"]) == 2
    assert "other lengths" in capsys.readouterr().err


# --- dated terms -----------------------------------------------------------------------------------------


def test_terms_that_start_in_a_period_are_a_version_of_it():
    plan = BillingPlan(
        PriceSchedule(calls=1),
        fees=Fee(9, starts="2026-03-16"),
        discounts=Discount.percent(10, ends="2026-02-01"),
        cycle=Cycle.monthly(),
    )

    assert str(watch.status(Account(), plan, at="2026-03-10").spent) == "4.65"  # 9 × 16/31
    assert str(watch.status(Account(), plan, at="2026-04-10").spent) == "9.00"


# --- versions that begin in the two hours of one name -------------------------------------------------------

AUTUMN = Period("2026-10-01T00:00:00+02:00[Europe/Berlin]", "2026-11-01T00:00:00+01:00[Europe/Berlin]")
ONE, TEN, HUNDRED = (BillingPlan.on_demand(PriceSchedule(calls=price)) for price in (1, 10, 100))
# both begin at half past two by the clock on the wall
TWICE = Contract(ONE).amended("2026-10-25T00:30:00Z", TEN).amended("2026-10-25T01:30:00Z", HUNDRED)
MOMENTS = [
    f"2026-10-25T{wall}[Europe/Berlin]" for wall in ("02:29:00+02:00", "02:45:00+02:00", "02:45:00+01:00")
]


def test_frames_tell_the_two_hours_apart():
    polars = pytest.importorskip("polars")
    pytest.importorskip("numpy")
    from tokenbill import frames

    rows = polars.DataFrame({"who": ["a", "a", "a"], "at": MOMENTS, "calls": [1, 1, 1]})
    rated = frames.rate(rows, TWICE, by="who", period=AUTUMN, time="at")

    assert sum(rated["amount"]) == 111


def test_a_forecast_tells_the_two_hours_apart():
    # 241 calls in 24.1 days: 2.5 hours are a tenth of a day of 25
    opened = Bill.of({MOMENTS[0]: Usage(calls=241)}, TWICE, period=AUTUMN, final=False).closing
    now = watch.status(opened, TWICE, at="2026-10-25T02:30:00+02:00[Europe/Berlin]")

    # a day is of the version in which it begins: 9 more on the 25th, and 10 on each of six days
    assert now.forecast.total == 241 + 9 * 10 + 60 * 100


def test_rows_and_events_tell_the_two_hours_apart(tmp_path, capsys):
    path, usage = tmp_path / "contract.json", tmp_path / "usage.csv"
    serial.dump(TWICE, path)
    usage.write_text("\n".join(["at,calls", *(f"{at},1" for at in MOMENTS)]))
    asked = ["bill", str(usage), "--plan", str(path), "--period", str(AUTUMN), "--sum", "calls"]

    assert main([*asked, "--time", "at"]) == 0
    assert totals(capsys) == ["Total: $111.00"]
