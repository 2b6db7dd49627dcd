"""Lives of customers whose terms change: the public cases, rebuilt; amounts in USD unless said.

Each is named as in `contracts.json` beside the repository; the sums are worked out by hand.
"""

from tests.vectors.lives import JULY, JUNE, MARCH, Life, Step, once
from tokenbill import (
    Account,
    BillingPlan,
    Contract,
    Currency,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Grant,
    Period,
    PerUnit,
    PriceBook,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
)

TOKEN = Currency("TOKEN", places=0)
STAGES = {stage: Rounding(stage=stage) for stage in ("bill", "line")}
TWICE_100 = {"2026-03-05": {"u": 100}, "2026-03-20": {"u": 100}}


def month(fee=None, /, prices=None, **terms):
    """A plan by the month from the 1st, by the day; prices by meter, and a fee where there is one."""
    schedule = prices if hasattr(prices, "currency") else PriceSchedule(prices or {})
    fees = [] if fee is None else [fee if isinstance(fee, Fee) else Fee(fee)]
    return BillingPlan(schedule, fees=[*fees, *terms.pop("fees", ())], **{"cycle": Cycle.monthly(), **terms})


def changed(plan, *changes, **how):
    contract = Contract(plan)
    for at, new in changes:
        contract = contract.amended(at, new, **how)
    return contract


def upgrade(*fees, at, **terms):
    """The plan before, and the contract after each further fee."""
    plans = [month(fee, **terms) for fee in fees]
    return [plans[0]] + [
        changed(plans[0], *zip(at[:n], plans[1:], strict=False)) for n in range(1, len(fees))
    ]


def bill(at, usage=(), terms=None, final=False, period=None, grants=(), more=(), **expected):
    return Step(at, dict(usage), expected, final, terms, period, grants, dict(more))


def price_cut(**terms):
    """The same as an amendment and as a price book."""
    one, other = (month(prices={"u": rate}, **terms) for rate in ("1.00", "0.99"))
    book = PriceBook([("2026-01-01", PriceSchedule(u="1.00")), ("2026-03-16", PriceSchedule(u="0.99"))])
    return {"amended": changed(one, ("2026-03-16", other)), "book": month(prices=book, **terms)}


def prepaid(prices, *, unit="USD", **terms):
    return BillingPlan.prepaid(PriceSchedule(prices, currency=unit), **terms)


def having(*grants):
    return Account(balance=grants)


def null_amendments():
    for stage, rounding in STAGES.items():
        plan = month("10.00", rounding=rounding)
        days = ("2026-03-09", "2026-03-18", "2026-03-27")
        # 8, 9, 9 and 5 days rounded one by one are 9.99
        yield (
            f"null-amendment-fee-by-line {stage}",
            once(changed(plan, *((day, plan) for day in days)), MARCH, {}, "10.00"),
        )
        plan, usage = month(prices={"u": "0.0125"}, rounding=rounding), {day: {"u": 1} for day in TWICE_100}
        # 0.025, rounded once
        yield (
            f"null-amendment-line-rounded-once {stage}",
            once(changed(plan, ("2026-03-16", plan)), MARCH, usage, "0.03"),
        )
    plan, usage = month(prices={"u": "0.40"}, included={"u": 30}), {day: {"u": 25} for day in TWICE_100}
    yield "null-amendment-allowance", once(changed(plan, ("2026-03-16", plan)), MARCH, usage, "8.00")


def upgrades():
    calls = {"calls": "1.00"}
    small, large = upgrade(31, 62, at=["2026-03-16"], prices=calls)
    gift = Grant("gift", 30, "USD", kind="promotional", on="calls")
    yield (
        "open-account-upgrade-gift",
        Life(
            small,
            MARCH,
            (
                bill("2026-03-05", {"calls": 40}, total="41.00", left={"gift": "0", "paid": "59.00"}),
                bill("2026-03-16", terms=large, total="16.00", due="0.00"),
                bill("2026-04-01", final=True, total="0.00"),
            ),
            sum="57.00",
            dues="0",
            left={"paid": "43.00"},
            opening=having(gift, Grant("paid", 100, "USD")),
        ),
    )
    small, large = upgrade(31, 62, at=["2026-03-16"], prices={"calls": "0.01"})
    steps = (
        bill("2026-03-01", due="31.00"),
        bill("2026-03-16", terms=large, due="16.00"),
        bill("2026-03-20", {"calls": 100}, due="1.00"),
        bill("2026-04-01", final=True, due="0.00"),
    )
    yield "upgrade-charged-once", Life(small, MARCH, steps, sum="48.00", dues="48.00")
    small, large = upgrade(31, 62, at=["2026-03-16"], prices=calls)
    gift = Grant("gift", 100, "USD", kind="promotional", on="calls", rollover=(0, 50))
    steps = (
        bill("2026-03-05", {"calls": 10}, charged="10.00"),
        bill("2026-03-16", terms=large),
        bill("2026-03-20", {"calls": 60}, total="0.00"),
        bill("2026-04-01", final=True),
    )
    # 15 + 32 of fees, nothing for calls
    yield "roll-over-waits", Life(small, MARCH, steps, sum="47.00", left={"gift": "30"}, opening=having(gift))
    may = Period("2026-05-01", "2026-06-01")
    small, large = upgrade(310, 620, at=["2026-05-18"])
    steps = (
        bill("2026-05-01", due="310.00"),
        bill("2026-05-18", terms=large, lines=["-140.00", "280.00"], due="140.00"),
    )
    yield "upgrade-preview-is-the-bill", Life(small, may, steps, sum="450.00")
    one, two, three = upgrade(31, 62, 124, at=["2026-03-11", "2026-03-21"])
    steps = (
        bill("2026-03-01", total="31.00"),
        bill("2026-03-11", terms=two, total="21.00"),
        bill("2026-03-21", terms=three, total="22.00"),
    )
    yield "second-upgrade-in-a-month", Life(one, MARCH, steps, sum="74.00")
    small, large = upgrade(26, 80, at=["2026-03-30"])
    steps = (bill("2026-03-01", due="26.00"), bill("2026-03-30", terms=large, due="3.48"))
    yield "two-days-before-renewal", Life(small, MARCH, steps, sum="29.48")
    year = Period("2026-01-01", "2027-01-01")
    small, large = upgrade(290, 790, at=["2026-07-02"], cycle=Cycle.yearly())
    steps = (bill("2026-01-01", due="290.00"), bill("2026-07-02", terms=large, due="250.68"))
    yield "yearly-upgrade", Life(small, year, steps, sum="540.68")
    year, cycle = Period("2026-03-01", "2027-03-01"), Cycle.yearly("2026-03-01")
    dear, cheap = upgrade("470.40", "288.00", at=["2026-03-01"], cycle=cycle)
    steps = (
        bill("2026-03-01", due="470.40"),
        bill("2026-03-01", terms=cheap, total="-182.40", due="0.00", credit="182.40", more={"restate": True}),
    )
    # an amendment on a period's first day is the plan of the period: its past is rated anew
    yield "downgrade-on-the-first-day", Life(dear, year, steps, sum="288.00", cuts=False)


def price_cuts():
    kinds = {
        "price-cut-one-minimum": ({"minimum": 93}, "100.00"),
        "price-cut-one-maximum": ({"maximum": 93}, "93.00"),
        "price-cut-one-unprorated-fee": ({"fees": [Fee("9.00", "support", prorated=False)]}, "109.00"),
    }
    for name, (terms, total) in kinds.items():
        for how, agreed in price_cut(**terms).items():
            yield f"{name} {how}", once(agreed, MARCH, {"2026-03-05": {"u": 100}}, total)
    for how, agreed in price_cut(included={"u": 100}).items():
        yield f"price-cut-one-allowance {how}", once(agreed, MARCH, TWICE_100, "99.00")
    calls = Graduated([Tier(10_000, "0.01"), Tier(None, "0.005")])
    old, new = (month(prices={"calls": calls, "storage": rate}) for rate in ("1.00", "2.00"))
    usage = {"2026-10-05": {"calls": 9000}, "2026-10-20": {"calls": 9000}}
    yield (
        "price-cut-tiers-of-another-meter-go-on",
        once(changed(old, ("2026-10-15", new)), Period("2026-10-01", "2026-11-01"), usage, "140.00"),
    )
    old, new = (
        month(prices={"u": Graduated([Tier(100, first), Tier(None, then)])})
        for first, then in (("0.10", "0.05"), ("0.20", "0.10"))
    )
    usage = {"2026-03-05": {"u": 120}, "2026-03-20": {"u": 80}}
    # 11.00 + (30.00 - 22.00), or 11.00 + 16.00
    for tiers, total in (("continue", "19.00"), ("restart", "27.00")):
        agreed = changed(old, ("2026-03-16", new), tiers=tiers)
        yield f"tiers-continue-and-restart {tiers}", once(agreed, MARCH, usage, total)


def ends_and_late_usage():
    monthly, yearly = month("20.00"), month("200.00", cycle=Cycle.yearly("2026-03-16"))
    steps = (
        bill("2026-03-01", due="20.00"),
        bill(
            "2026-03-16",
            terms=Contract(monthly).ended("2026-03-16"),
            final=True,
            total="-10.32",
            due="0.00",
        ),
        bill(
            "2026-03-16",
            terms=yearly,
            period=Period("2026-03-16", "2027-03-16"),
            total="200.00",
            due="189.68",
        ),
    )
    yield "monthly-to-yearly", Life(monthly, MARCH, steps, sum="209.68", cuts=False)
    plan = month("93.00")
    ended = Contract(plan).ended("2026-03-11")
    steps = (
        bill("2026-03-01", due="93.00"),
        bill("2026-03-11", terms=ended, final=True, total="-63.00", due="0.00", credit="63.00"),
    )
    yield "cancelled-in-the-middle", Life(plan, MARCH, steps, sum="30.00")
    old, new = (month(prices={"events": rate}) for rate in ("0.01", "0.02"))
    steps = (
        bill("2026-03-05", {"events": 1000}, total="10.00"),
        bill("2026-03-16", terms=changed(old, ("2026-03-16", new)), total="0.00"),
        bill("2026-03-20", {"events": 100}, total="2.00"),
    )
    yield "usage-before-an-upgrade-keeps-its-price", Life(old, MARCH, steps, sum="12.00")
    old, new = (month(prices={"u": rate}, included={"u": 50}) for rate in ("0.05", "0.10"))
    steps = (
        bill("2026-03-05", {"u": 60}, total="0.50"),
        bill("2026-03-16", terms=changed(old, ("2026-03-16", new))),
        bill("2026-03-20", {"2026-03-05": {"u": 1}}, total="0.05"),
    )
    yield "late-event-of-the-old-plan", Life(old, MARCH, steps, sum="0.55")
    old, new = month("20.00"), month("32.00")
    for name, fees, difference, total in (
        ("plain-difference", "from_start", "12.00", "32.00"),
        ("from-the-next-period", "from_next", "0.00", "52.00"),
    ):
        agreed = changed(old, ("2026-06-20", new), fees=fees)
        steps = [
            bill("2026-06-01", due="20.00"),
            bill("2026-06-20", terms=agreed, due=difference),
            bill("2026-07-01", final=True, due="0.00"),
        ]
        if fees == "from_next":
            steps.append(bill("2026-07-01", period=JULY, total="32.00"))
        yield name, Life(old, JUNE, tuple(steps), sum=total)


def accounts_that_go_on():
    tokens = {"calls": PerUnit(1, per=10)}
    old, new = (
        prepaid(prices, unit=TOKEN, overage="refuse") for prices in (tokens, {**tokens, "gpu_seconds": 1})
    )
    steps = (
        bill("2026-06-05", {"calls": 5}),
        bill("2026-06-09", {"calls": 5}, terms=new, left={"p": "99"}),
    )
    yield (
        "meter-added-to-a-live-prepaid-account",
        Life(old, JUNE, steps, left={"p": "99"}, opening=having(Grant("p", 100, TOKEN))),
    )
    plan = month(prices={"u": "1.00"})
    later = month(prices={"u": "1.00"}, discounts=Discount.percent(10, on="usage", starts="2026-06-20"))
    steps = (
        bill("2026-06-05", {"u": 10}, total="10.00"),
        bill("2026-06-20", {"u": 10}, terms=later, total="9.00"),
    )
    yield "discount-that-begins-later-does-not-stop-an-account", Life(plan, JUNE, steps, sum="19.00")
    old, new = (month(prices={"u": rate}) for rate in ("0.50", "0.45"))
    steps = (
        bill("2026-06-05", {"u": 40}, total="20.00"),
        # without restate it is refused: test_contract_bills.py
        bill("2026-06-06", terms=new, more={"restate": True}, total="-2.00"),
    )
    yield "past-priced-anew-is-refused-or-restated", Life(old, JUNE, steps, sum="18.00", cuts=False)


def credit_that_returns():
    plan = month(prices={"tok": "1.00"})
    steps = (
        bill("2026-06-10", {"tok": 10}, due="0.00"),
        bill("2026-06-11", more={"reversal": {"2026-06-10": {"tok": 10}}}, left={"june": "25"}),
        bill("2026-07-01", final=True, due="0.00"),
        bill("2026-08-01", {"2026-07-05": {"tok": 10}}, period=JULY, final=True, due="10.00"),
    )
    june = having(Grant("june", 25, "USD", expires="2026-07-01"))
    yield "withdrawn-usage-of-an-ended-grant", Life(plan, JUNE, steps, dues="10.00", opening=june, cuts=False)
    steps = (
        bill("2026-06-05", {"u": 10}, due="4.00"),
        bill("2026-06-06", more={"reversal": {"2026-06-05": {"u": 6}}}, left={"g": "2"}, credit="4.00"),
    )
    yield (
        "cash-before-grants",
        Life(
            month(prices={"u": 1}),
            JUNE,
            steps,
            left={"g": "2"},
            opening=having(Grant("g", 6, "USD")),
            cuts=False,
        ),
    )
    old, new = (month(prices={"u": rate}) for rate in ("1.00", "3.00"))
    steps = (
        bill("2026-06-05", {"u": 20}, due="20.00"),
        bill(
            "2026-06-16",
            terms=changed(old, ("2026-06-16", new)),
            grants=(Grant("g", 40, "USD", kind="promotional"),),
            total="0.00",
            left={"g": "40"},
        ),
        bill("2026-06-20", {"u": 5}, due="0.00", left={"g": "25"}),
    )
    yield "grant-added-later-pays-nothing-earlier", Life(old, JUNE, steps, dues="20.00", cuts=False)
    september, october = Period("2026-09-01", "2026-10-01"), Period("2026-10-01", "2026-11-01")
    steps = (
        bill(None, {"2026-09-05": {"a": 4}}, final=True, due="0.00", left={"g": "1"}),
        bill("2026-11-01", {"2026-10-05": {"a": 1}}, period=october, final=True, due="1.00"),
    )
    last_day = having(Grant("g", 5, "USD", through="2026-09-30"))
    yield (
        "last-valid-day",
        Life(month(prices={"a": "1.00"}), september, steps, dues="1.00", opening=last_day, cuts=False),
    )
    ended = having(Grant("g", 5, "USD", expires="2026-09-30T23:59:59Z"))
    instants = Period("2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z")
    step = bill(None, {"2026-09-05T12:00:00Z": {"a": 4}}, final=True, due="4.00")
    yield (
        "last-valid-day one second short",
        Life(month(prices={"a": 1}), instants, (step,), opening=ended, cuts=False),
    )
    august = Period("2026-08-01", "2026-09-01")
    life = once(
        month(prices={"u": 1}),
        august,
        {"2026-08-07": {"u": 7}},
        "7.00",
        due="0.00",
        left={"g": "13"},
        opening=having(Grant("g", 20, "USD", expires="2026-09-01")),
        cuts=False,
    )
    # billed in October, for August
    yield "credit-of-its-own-period", life._replace(steps=(life.steps[0]._replace(at=None),))
    promo = Grant("promo", 10, "USD", expires="2026-06-16", priority=-1)
    steps = (
        bill("2026-06-05", {"u": 4}, left={"promo": "6", "bought": "50"}),
        bill("2026-06-20", {"u": 0}, left={"bought": "50"}),
    )
    yield (
        "expiry-takes-no-bought-money",
        Life(
            month(prices={"u": 1}),
            JUNE,
            steps,
            left={"bought": "50"},
            opening=having(promo, Grant("bought", 50, "USD")),
            cuts=False,
        ),
    )


def limits():
    plan, ten = prepaid({"requests": "0.004"}, overage="refuse"), having(Grant("g", "10.00", "USD"))
    steps = (bill("2026-06-05", {"requests": 2500}, due="0.00", left={"g": "0"}),)
    yield "limit-of-money", Life(plan, JUNE, steps, left={"g": "0"}, opening=ten)
    plan = prepaid({"calls": PerUnit(1, per=10)}, unit=TOKEN, overage="refuse")
    steps = tuple(bill("2026-06-05", {"calls": 1}) for _ in range(10))
    yield "limit-of-tokens", Life(plan, JUNE, steps, left={"g": "0"}, opening=having(Grant("g", 1, TOKEN)))


def trials_and_dates():
    for name, trial, total, fee in (
        ("free-month-owes-no-minimum", 30, "0.00", "0"),
        ("part-of-a-month-free", 14, "53.33", "32.00"),
    ):
        plan = month("60.00", minimum=100, trial=trial, cycle=Cycle.monthly("2026-06-01"))
        yield name, once(plan, JUNE, {}, total, lines=[fee] if fee != "0" else [])
    plan = month("310.00", discounts=Discount.percent(20, ends="2026-03-16"))
    yield "discount-until-a-day", once(plan, MARCH, {}, "280.00")
    taxes = [Tax("VAT", 5, ends="2026-06-11"), Tax("VAT", 8, starts="2026-06-11")]
    usage = {"2026-06-05": {"u": 100}, "2026-06-20": {"u": 50}}
    yield (
        "tax-from-a-day",
        once(month(prices={"u": "1.00"}, taxes=taxes), JUNE, usage, "159.00", taxes=["5.00", "4.00"]),
    )
    steps = (
        bill("2026-07-01", final=True, total="30.00"),
        bill("2026-08-01", period=JULY, final=True, total="45.00"),
    )
    yield (
        "fee-from-a-day",
        Life(month(Fee("45.00", "support", starts="2026-06-11")), JUNE, steps, sum="75.00"),
    )
    december = Period("2026-12-23", "2027-01-01")
    yield "first-part-month december", once(month("310.00"), december, {}, "90.00")
    yield "first-part-month june", once(month("80.00"), Period("2026-06-16", "2026-07-01"), {}, "40.00")


def cuts():
    calls = Graduated([Tier(20, "0.50"), Tier(None, "0.25")])
    terms = {"discounts": Discount.percent(20, on="usage"), "taxes": Tax("VAT", 10)}
    old = month("45.00", prices={"calls": calls, "data": "0.10"}, **terms)
    new = month("90.00", prices={"calls": calls, "data": "0.30"}, **terms)
    agreed = changed(old, ("2026-06-11", new))
    usage = {
        "2026-06-03": {"calls": 15, "data": 20},
        "2026-06-08": {"calls": 3},
        "2026-06-20": {"calls": 10, "data": 10},
    }
    # 12.00 + 5.00 less 3.40, fees 15.00 + 60.00, tax 8.86 of 88.60
    yield "any-cut-one-sum", once(agreed, JUNE, usage, "97.46", taxes=["8.86"])
    steps = (
        bill("2026-06-01"),
        bill("2026-06-03", usage["2026-06-03"]),
        bill("2026-06-11", terms=agreed),
        bill("2026-06-20", usage["2026-06-20"]),
        bill("2026-06-21", {"2026-06-08": usage["2026-06-08"]}),
        bill("2026-07-01", final=True),
    )
    yield "any-cut-one-sum in six", Life(old, JUNE, steps, sum="97.46")
    plan = month(prices={"u": "1.00"})
    steps = (bill("2026-06-20", {"u": 8000}, due="400.00"), bill("2026-07-01", final=True, due="0.00"))
    ahead = having(Grant("g", 7600, "USD"))
    yield "threshold-bill-once", Life(plan, JUNE, steps, dues="400.00", opening=ahead)
    plan = month(prices={"u": "1.00"}, discounts=Discount.fixed(10, "coupon"))
    steps = (
        bill("2026-06-10", {"u": 20}, total="10.00"),
        bill("2026-07-01", {"2026-06-20": {"u": 5}}, final=True, total="5.00"),
    )
    yield "coupon-over-interim-bills", Life(plan, JUNE, steps, sum="15.00")
    plan = month(prices={"minutes": "0.000768"})
    steps = tuple(bill("2026-06-10", {"minutes": 1}) for _ in range(58))
    yield "sub-cent-minutes", Life(plan, JUNE, steps, sum="0.04")
    september = Period("2025-09-01", "2025-10-01")
    plan = BillingPlan.on_demand(PriceSchedule({"hours": "0.105"}, currency="BGN"))
    # 0.315
    yield "withdrawn-currency-stays-readable", once(plan, september, {"2025-09-10": {"hours": 3}}, "0.32")


CONTRACT_LIVES = {
    name: life
    for group in (
        *(null_amendments, upgrades, price_cuts, ends_and_late_usage, accounts_that_go_on),
        *(credit_that_returns, limits, trials_and_dates, cuts),
    )
    for name, life in group()
}
