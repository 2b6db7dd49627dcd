"""Lives of customers under terms that the field asks for: the public cases, rebuilt; amounts in USD.

Each is named as in `terms.json` beside the repository; the sums are worked out by hand.
"""

from tests.vectors.contract_cases import TOKEN, bill, changed, having, month, prepaid
from tests.vectors.lives import JULY, JUNE, MARCH, Life, once
from tokenbill import (
    Account,
    Amount,
    BillingPlan,
    Commitment,
    Contract,
    Cycle,
    Discount,
    Fee,
    Graduated,
    Grant,
    Grants,
    Limit,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Trial,
    Volume,
)

SEATS = month(Fee(10, "seats", level="seats"))
YEARLY = Cycle.yearly("2026-03-01")


def months(first, last, year=2026):
    return [Cycle.monthly().containing(f"{year}-{number:02}-01") for number in range(first, last + 1)]


def closed(period, day=None, usage=(), **expected):
    """The final bill of a period, all of whose usage is on one day."""
    used = {day or str(period.start): dict(usage)} if usage else {}
    return bill(str(period.end), used, period=period, final=True, **expected)


def held(levels):
    return {"levels": {"seats": list(levels.items())}}


def levels():
    one = {"2026-06-01": 3, "2026-06-16": 5}
    step = bill(None, more=held(one), final=True, total="40.00", lines=["15.00", "25.00"])
    yield "seats-from-the-16th", Life(SEATS, JUNE, (step,), sum="40.00")
    stairs = Volume([Tier(10, fee=50), Tier(None, fee=100)])
    plan = month(Fee(stairs, "seats", level="seats"))
    step = bill(None, more=held({"2026-06-01": 8}), final=True, total="50.00")
    yield (
        "seats-stairstep-through-an-equal-amendment",
        Life(changed(plan, ("2026-06-16", plan)), JUNE, (step,), sum="50.00"),
    )
    days = dict(zip((1, 3, 8, 13, 21, 27), (3, 4, 5, 4, 6, 5), strict=True))
    six = {f"2026-07-{day:02}": number for day, number in days.items()}
    step = bill(None, more=held(six), final=True, total="46.45", exact="1440/31")
    yield "six-levels-in-a-month", Life(SEATS, JULY, (step,), sum="46.45")
    steps = (
        bill("2026-06-01", more=held({"2026-06-01": 1}), total="10.00"),
        bill("2026-06-16", more=held({"2026-06-16": 4}), total="15.00"),
        bill("2026-07-01", final=True, total="0.00"),
        bill("2026-07-01", period=JULY, total="40.00"),
    )
    yield "seats-one-to-four", Life(SEATS, JUNE, steps, sum="65.00")
    plan = month(Fee(31, "units", level="seats"))
    step = bill(
        None,
        more=held({"2026-07-01": "0.1", "2026-07-15": "0.2"}),
        final=True,
        total="4.80",
        lines=["1.40", "3.40"],
    )
    yield "fractional-level", Life(plan, JULY, (step,), sum="4.80")


def curves_of_other_quantities():
    plan = month(
        Fee(0, "seats", level="seats"),
        {"credits": 1},
        included={"credits": PerUnit(1900).of("seats")},
    )
    step = bill(
        None, {"2026-06-05": {"credits": 6000}}, more=held({"2026-06-01": 3}), final=True, total="300"
    )
    yield "an-allowance-by-seats", Life(plan, JUNE, (step,), sum="300")
    plan = month(prices={"storage": 0, "egress": 1}, included={"egress": PerUnit(3).of("storage")})
    usage = {"2026-06-05": {"storage": 10}, "2026-06-20": {"egress": 35}}
    yield "egress-free-up-to-3-times-storage", once(plan, JUNE, usage, "5")
    support = PerUnit(10, per=100).at_least(29).of(Amount("usage"))
    for usage, fee in ((200, "29.00"), (400, "40.00")):
        life = once(
            month(Fee(support, "support"), {"u": 1}),
            JUNE,
            {"2026-06-05": {"u": usage}},
            f"{usage + int(fee[:2])}",
            lines=[fee],
        )
        yield f"support-of-{usage}", life


def commitments():
    year = months(1, 12)
    for spend, name, last in ((900, "short", "2100.00"), (1100, "beyond", "1650.00")):
        commitment = Commitment("12000", cycle=Cycle.yearly("2026-01-01"), true_up="end", overage="1.5")
        plan = month(prices={"u": 1}, commitment=commitment)
        steps = [closed(period, usage={"u": spend}) for period in year]
        # 12 × 900 are 1,200 short; beyond 12,000, so 100 in November and all of December, a unit costs 1.5
        steps[-1] = closed(year[-1], usage={"u": spend}, total=last)
        yield (
            f"commitment-of-a-year {name}",
            Life(plan, year[0], tuple(steps), sum={900: "12000", 1100: "13800"}[spend]),
        )


def markups():
    base = PriceSchedule({"u": "2.50", "u{provider=x}": "2.50", "u{model=y,provider=x}": "2.50"})
    marked = base.marked_up("20%", {"provider=x": "15%", "model=y": 0})
    for meter, total in (("u", "3.00"), ("u{provider=x}", "2.875"), ("u{model=y,provider=x}", "2.50")):
        plan = month(prices=marked, rounding=Rounding(places=3))
        yield f"mark-up {total}", once(plan, JUNE, {"2026-06-05": {meter: 1}}, total)


def rhythms():
    platform = Fee("1200", "platform", cycle=YEARLY)
    plan = month(platform, {"calls": "1.00"}, included={"calls": 100})
    march, april = months(3, 4)
    steps = (
        closed(march, usage={"calls": 90}, total="1200.00"),
        closed(april, usage={"calls": 120}, total="20.00"),
    )
    yield "yearly-fee-monthly-calls", Life(plan, march, steps, sum="1220.00")
    quarter = Cycle.listed(["2026-10-04", "2026-11-01", "2026-11-29", "2027-01-03"])
    whole = Period("2026-11-29", "2027-01-03")
    plan = month("99.00", cycle=quarter)
    yield "five-weeks-of-a-listed-quarter", once(plan, whole, {}, "99.00")
    # two of five weeks
    ended = Contract(plan).ended("2026-12-13")
    yield "five-weeks-of-a-listed-quarter cancelled", once(ended, whole, {}, "39.60")


def limits():
    plan = month("50.00", {"u": "1.00"}, maximum=Limit(20, on="usage", prorated=False))
    used, half = {"2026-06-20": {"u": 33}}, Period("2026-06-16", "2026-07-01")
    yield "usage-cap-beside-a-fee", once(plan, JUNE, used, "70.00")
    yield "usage-cap-beside-a-fee half", once(plan, half, used, "45.00")
    plan = month("100.00", {"u": "1.00"}, maximum=Limit(5, on="usage", prorated=False))
    part = Period("2026-03-16", "2026-04-01")
    # 100 × 16/31 and 5
    yield "cap-on-usage-of-a-part", once(plan, part, {"2026-03-20": {"u": 9}}, "56.61")
    prices = {"spot_hours{time=day}": "1.20", "spot_hours{time=night}": "0.70", "api_calls": "0.01"}
    plan = month(prices=prices, maximum=Limit("500.00", on="spot_hours"))
    usage = {"spot_hours{time=day}": "312.5", "spot_hours{time=night}": 300, "api_calls": 100}
    # 375.00 + 210.00 are 500.00, and 1.00
    yield "spot-by-day-and-night-one-cap", once(plan, JUNE, {"2026-06-05": usage}, "501.00")
    plan = month("25.00", {"u": "1.00"}, minimum=Limit(40, on="usage"))
    yield "minimum-on-usage-only", once(plan, JUNE, {"2026-06-05": {"u": 12}}, "65.00", minimum="28.00")


def discounts():
    half = Discount.percent(50, "half", on="fee:storage", starts="2026-06-01", ends="2026-09-01")
    plan = month(fees=[Fee("40.00", "platform"), Fee("10.00", "storage")], discounts=half)
    totals = ["50.00", "45.00", "45.00", "45.00", "50.00"]
    steps = tuple(closed(period, total=total) for period, total in zip(months(5, 9), totals, strict=True))
    yield "half-off-one-fee-for-three-months", Life(plan, months(5, 5)[0], steps, sum="235.00")
    part = Period("2026-03-16", "2026-04-01")
    for prorated, total in ((False, "20.00"), (True, "25.81")):
        coupon = Discount.fixed(12, "coupon", prorated=prorated)
        yield (
            f"one-off-coupon-in-a-part-month {prorated}",
            once(month("62.00", discounts=coupon), part, {}, total),
        )
    plan = month("100.00", {"api_calls": "1.00"}, taxes=Tax("VAT", 20, on="fee"))
    yield "scope-fees", once(plan, JUNE, {"2026-06-05": {"api_calls": 50}}, "170.00", taxes=["20.00"])


def trials():
    plan = month("60.00", trial=14, cycle=Cycle.monthly("2026-06-01"))
    # 60 × 16/30
    yield "fourteen-days-free-by-day-of-month", once(plan, JUNE, {}, "32.00")
    plan = month("149.00", trial=Period("2026-06-15", "2026-07-26"))
    first = Period("2026-06-15", "2026-07-01")
    rest = (
        closed(period, total=total) for period, total in zip(months(7, 8), ["28.84", "149.00"], strict=True)
    )
    yield "trial-over-two-months", Life(plan, first, (closed(first, total="0.00"), *rest), sum="177.84")
    plan = month(
        "40.00",
        {"calls": "1.00"},
        included={"calls": 10},
        trial=Trial(15, on=("fee", "usage")),
        cycle=Cycle.monthly("2026-06-01"),
    )
    usage = {"2026-06-05": {"calls": 30}, "2026-06-20": {"calls": 12}}
    yield "trial-covers-usage", once(plan, JUNE, usage, "22.00")


def owed():
    owing = prepaid({"u": "1.00"}, overage="owe")
    steps = (
        bill("2026-06-05", {"u": 12}, due="0.00", owed="7.00"),
        bill("2026-06-06", {"u": 1}, grants=(Grant("more", 20, "USD"),), due="0.00", left={"more": "12.00"}),
    )
    yield (
        "overage-taken-from-the-next-grant",
        Life(owing, JUNE, steps, left={"more": "12"}, opening=having(Grant("g", 5, "USD")), cuts=False),
    )
    plan = month(prices={"u": "0.01"}, least_due="1.00")
    each = zip(months(3, 6), (40, 35, 200, 100), ("0.00", "0.00", "2.75", "1.00"), strict=True)
    steps = tuple(closed(period, usage={"u": used}, due=due) for period, used, due in each)
    yield "least-due", Life(plan, months(3, 3)[0], steps, sum="3.75", dues="3.75")
    steps = (
        closed(MARCH, usage={"u": 18}, due="0.00"),
        closed(months(4, 4)[0], usage={"u": 100}, due="1.18"),
    )
    yield "least-due of-two-months", Life(plan, MARCH, steps, dues="1.18")
    plan, account = month("9.00"), Account().credit("5.00", reason="the outage of 3 June")
    step = bill("2026-06-01", due="4.00")
    yield "goodwill", Life(plan, JUNE, (step,), dues="4.00", opening=account)


def credit():
    gift = having(Grant("gift", 100, "USD", kind="promotional", rollover="50%"))
    steps = (
        bill("2026-06-05", {"u": 10}, left={"gift": "90"}),
        bill("2026-07-01", final=True, left={"gift": "45"}),
    )
    yield "half-rolls-over", Life(month(prices={"u": 1}), JUNE, steps, left={"gift": "45"}, opening=gift)
    allowance = Grant("allowance", 50, "USD", on="premium", most=("7.50", Cycle.weekly()), priority=-1)
    steps = (
        bill("2026-06-02", {"premium": 10}, draws={"allowance": "7.50", "own": "2.50"}),
        bill("2026-06-09", {"premium": 6}, draws={"allowance": "6.00"}),
    )
    yield (
        "weekly-premium-limit",
        Life(
            prepaid({"premium": 1}),
            JUNE,
            steps,
            left={"allowance": "36.50", "own": "17.50"},
            opening=having(allowance, Grant("own", 20, "USD")),
            cuts=False,
        ),
    )
    account = having(Grants.every(Cycle.daily(), 50, life="1d"), Grant("month", 1000, "USD"))
    steps = (
        bill("2026-06-01", {"u": 70}, left={"month": "980"}),
        bill("2026-06-02", {"u": 30}, left={"month": "980"}),
        bill("2026-06-03", {"u": 70}, left={"month": "960"}),
    )
    yield (
        "fifty-a-day",
        Life(prepaid({"u": 1}), JUNE, steps, left={"month": "960"}, opening=account, cuts=False),
    )
    plan = BillingPlan.prepaid(
        PriceSchedule({}, currency=TOKEN), fees=Fee(100, "seat", currency=TOKEN), cycle=Cycle.monthly()
    )
    step = bill("2026-07-01", final=True, left={"g": "150"})
    yield (
        "fee-in-credits",
        Life(plan, JUNE, (step,), left={"g": "150"}, opening=having(Grant("g", 250, TOKEN))),
    )
    plan = month(fees=[Fee("14.29", "one"), Fee("14.27", "two")], taxes=Tax("VAT", 24))
    wallet = having(Grant("wallet", 100, "USD", on="fee:one"))
    step = bill("2026-06-01", draws={"wallet": "17.72"}, left={"wallet": "82.28"}, due="17.69")
    yield "wallet-of-one-charge", Life(plan, JUNE, (step,), left={"wallet": "82.28"}, opening=wallet)


def prices():
    million = {"input_tokens": PerUnit(1, per=1_000_000), "output_tokens": PerUnit(2, per=1_000_000)}
    plan = month(prices=million, included={("input_tokens", "output_tokens"): 1_000_000})
    usage = {"2026-06-05": {"output_tokens": 600_000}, "2026-06-20": {"input_tokens": 600_000}}
    # 200,000 output tokens, whichever came first
    yield "pooled-allowance", once(plan, JUNE, usage, "0.40")
    for net, total in (("10.53", "10.55"), ("10.52", "10.50"), ("99.98", "100.00")):
        plan = month(prices=PriceSchedule({"u": net}, currency="CHF"), rounding=Rounding(step="0.05"))
        yield f"five-cents {net}", once(plan, JUNE, {"2026-06-05": {"u": 1}}, total, charged=net)
    plan = month("80.00", taxes=[Tax("A", 10), Tax("B", 2, after=("A",))])
    yield "levy-after-tax", once(plan, JUNE, {}, "89.76", taxes=["8.00", "1.76"])
    plan = month("100.00", taxes=[Tax("VAT", 19), Tax("city", 1, after=("VAT",))])
    yield "one-percent-after-vat", once(plan, JUNE, {}, "120.19", taxes=["19.00", "1.19"])
    plan = month(prices={"calls": "0.25"}, taxes=Tax.per_unit("levy", "0.05", meter="calls"))
    yield (
        "levy-per-unit",
        once(plan, JUNE, {"2026-06-05": {"calls": 40}}, "12.00", taxes=["2.00"], charged="10.00"),
    )
    fees = [Fee(amount, name) for amount, name in ((100, "a"), (30, "b"), (20, "c"))]
    plan = month(fees=fees, discounts=Discount.percent(20))
    yield "breakdown-for-a-payment-provider", once(plan, JUNE, {}, "120.00", nets=["80.00", "24.00", "16.00"])
    fees = [Fee("9.99", name) for name in "abc"]
    plan = month(fees=fees, discounts=Discount.fixed("5.00"), taxes=Tax("VAT", 19))
    yield "breakdown-adds-up", once(plan, JUNE, {}, "29.71", taxes=["4.74"], net="24.97")
    price = Graduated([Tier(100, 1), Tier(None, 2)]).at_least(100).after(50)
    life = once(month(prices={"u": price}), JUNE, {"2026-06-05": {"u": 200}}, "200.00")
    yield "free-units-then-tiers-then-commitment", life
    plan = month(prices={"hours": PerUnit("0.05").capped("33.60").each("machine")})
    usage = {"hours{machine=a}": 744, "hours{machine=b}": 100}
    yield "cap-for-each-machine", once(plan, JUNE, {"2026-06-05": usage}, "38.60")
    for cost, total in (("4.99", "0.00"), ("15", "10.50"), ("40", "25.00")):
        plan = month(prices={"cost": PerUnit("1.05").after(5).capped(25)})
        yield f"free-cost-plus-capped {cost}", once(plan, JUNE, {"2026-06-05": {"cost": cost}}, total)
    for stage, total in (("bill", "221"), ("line", "222")):
        yen = PriceSchedule({"a": "100.5", "b": "100.5"}, currency="JPY")
        plan = month(prices=yen, taxes=Tax("VAT", 10), rounding=Rounding(stage=stage))
        yield f"yen-by-bill-and-line {stage}", once(plan, JUNE, {"2026-06-05": {"a": 1, "b": 1}}, total)
    gst = Tax("GST", 5, inclusive=True)
    yield "inclusive-taxes two", once(month(fees=[Fee(90, "a"), Fee(55, "b")], taxes=gst), JUNE, {}, "145.00")
    plan = month(prices={"u": "3.80"}, taxes=gst)
    yield "inclusive-taxes ten", once(plan, JUNE, {"2026-06-05": {"u": 10}}, "38.00")


TERM_LIVES = {
    name: life
    for group in (
        *(levels, curves_of_other_quantities, commitments, markups, rhythms, limits, discounts),
        *(trials, owed, credit, prices),
    )
    for name, life in group()
}
