"""Time one bill against the hand-written Decimal expression, and against the peers that are installed.

Run it as ``python benchmarks/scalar.py [--rounds N] [--no-import]``.
Every row is a ratio of two things timed in turn in this one run; machines are noisy, ratios are steadier.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import time
import timeit
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal
from functools import partial
from typing import Any, NamedTuple

from tokenbill import (
    Account,
    Balance,
    Bill,
    BillingPlan,
    Contract,
    Discount,
    Fee,
    Graduated,
    Grant,
    Limit,
    Period,
    PerUnit,
    PriceSchedule,
    Rounding,
    Tax,
    Tier,
    Usage,
)

CENT = Decimal("0.01")
MILLION = 1_000_000
IMPORTS = 21
ROUND = 3_000_000
"""Nanoseconds that each side runs in one round."""


class Row(NamedTuple):
    """What is compared: ours against the other, and the ratio that is wanted."""

    name: str
    ours: Callable[[], object]
    other: Callable[[], object]
    target: str


class Timing(NamedTuple):
    """Medians: nanoseconds of both, and the ratio of each pair of rounds."""

    ours: float
    other: float
    ratio: float


def timed(row: Row, rounds: int) -> Timing:
    """Time both sides in turn, so that a slow moment of the machine hits both."""
    for side in (row.ours, row.other):
        _once(side)  # what a plan compiles to is kept: counted in, it would leave one side too few loops
    loops = [max(10, int(ROUND / _once(side))) for side in (row.ours, row.other)]
    pairs = [(_once(row.ours, loops[0]), _once(row.other, loops[1])) for _ in range(rounds)]
    ratio = statistics.median(ours / other for ours, other in pairs)
    ours, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Timing(ours, other, ratio)


def _once(call: Callable[[], object], loops: int = 100) -> float:
    return timeit.timeit(call, timer=time.process_time, number=loops) / loops * 1e9


def two_meters() -> list[Row]:
    """The formula of the mission: GPU-hours × price + calls × price."""
    plan = BillingPlan.on_demand(PriceSchedule(gpu_hours="0.1", api_calls="0.01"))
    used = {"gpu_hours": 10, "api_calls": 1000}
    hours, calls, hour, call = Decimal(10), Decimal(1000), Decimal("0.1"), Decimal("0.01")

    def by_hand() -> Decimal:
        return (hours * hour + calls * call).quantize(CENT, ROUND_HALF_UP)

    return [
        Row("2 meters, total", lambda: Bill.of(Usage(used), plan).total, by_hand, "≤ 11"),
        Row("2 meters, all lines", lambda: Bill.of(Usage(used), plan).lines, by_hand, "≤ 30"),
    ]


TOKENS = {
    "input_tokens": 1200,
    "input_tokens{cache=read}": 8000,
    "input_tokens{cache=write}": 500,
    "input_tokens{cache=write,ttl=1h}": 200,
    "output_tokens": 900,
}
PER_MILLION = dict(zip(TOKENS, ("3", "0.30", "3.75", "6", "15"), strict=True))


def llm_plan() -> BillingPlan:
    """Five pools of tokens, priced per million."""
    return BillingPlan.on_demand(
        PriceSchedule({meter: PerUnit(rate, per=MILLION) for meter, rate in PER_MILLION.items()})
    )


def llm() -> list[Row]:
    """One LLM request of five disjoint pools."""
    plan = llm_plan()
    q1, q2, q3, q4, q5 = map(Decimal, TOKENS.values())
    r1, r2, r3, r4, r5 = (Decimal(rate) / MILLION for rate in PER_MILLION.values())

    def by_hand() -> Decimal:
        return (q1 * r1 + q2 * r2 + q3 * r3 + q4 * r4 + q5 * r5).quantize(CENT, ROUND_HALF_UP)

    return [
        Row("5-meter LLM, total", lambda: Bill.of(Usage(TOKENS), plan).total, by_hand, "≤ 7.5"),
        Row("5-meter LLM, all lines", lambda: Bill.of(Usage(TOKENS), plan).lines, by_hand, "≤ 25"),
    ]


TIERS = (
    ("1000", "0.010"),
    ("5000", "0.009"),
    ("10000", "0.008"),
    ("50000", "0.007"),
    ("100000", "0.006"),
    (None, "0.005"),
)


def six_tiers() -> list[Row]:
    """A graduated price, the quantity in its last tier."""
    plan = BillingPlan.on_demand(PriceSchedule(api_calls=Graduated([Tier(end, rate) for end, rate in TIERS])))
    used, quantity = {"api_calls": 123_456}, Decimal(123_456)
    table = [(Decimal(end) if end else None, Decimal(rate)) for end, rate in TIERS]

    def by_hand() -> Decimal:
        total, low = Decimal(0), Decimal(0)
        for high, rate in table:
            if high is None or quantity <= high:
                total += (quantity - low) * rate
                break
            total += (high - low) * rate
            low = high
        return total.quantize(CENT, ROUND_HALF_UP)

    return [
        Row("6 tiers, total", lambda: Bill.of(Usage(used), plan).total, by_hand, "≤ 2"),
        Row("6 tiers, all lines", lambda: Bill.of(Usage(used), plan).lines, by_hand, "≤ 5.5"),
    ]


def by_the_hour() -> list[Row]:
    """Seconds priced by the hour, which no Decimal rate could hold."""
    prices = PriceSchedule(
        gpu_seconds=PerUnit("0.10", per=3600), cpu_seconds=PerUnit("0.02", per=3600), api_calls="0.01"
    )
    plan = BillingPlan.on_demand(prices)
    used = {"gpu_seconds": 36_000, "cpu_seconds": 7_200, "api_calls": 1_000}
    gpu, cpu, calls = map(Decimal, used.values())
    gpu_rate, cpu_rate, call, hour = Decimal("0.10"), Decimal("0.02"), Decimal("0.01"), Decimal(3600)

    def by_hand() -> Decimal:
        return (gpu * gpu_rate / hour + cpu * cpu_rate / hour + calls * call).quantize(CENT, ROUND_HALF_UP)

    return [Row("per=3600, 3 meters", lambda: Bill.of(Usage(used), plan).total, by_hand, "≤ 6.5")]


def labelled() -> list[Row]:
    """Twenty-one entries told apart by labels, four of them used."""
    entries = {
        f"gpu_hours{{gpu=G{gpu},region={region}}}": f"{gpu}.{region[1]}5"
        for gpu in range(5)
        for region in ("r1", "r2", "r3", "r4")
    }
    plan = BillingPlan.on_demand(PriceSchedule({**entries, "gpu_hours": "9"}))
    used = {f"gpu_hours{{gpu=G{gpu},region=r{gpu}}}": gpu * 7 for gpu in range(1, 5)}
    q1, q2, q3, q4 = map(Decimal, used.values())
    r1, r2, r3, r4 = (Decimal(entries[meter]) for meter in used)

    def by_hand() -> Decimal:
        return (q1 * r1 + q2 * r2 + q3 * r3 + q4 * r4).quantize(CENT, ROUND_HALF_UP)

    return [Row("21 labelled entries, 4 meters", lambda: Bill.of(Usage(used), plan).total, by_hand, "≤ 8.5")]


class Running:
    """A customer's account, an event at a time."""

    def __init__(self, meters: int) -> None:
        prices = {f"meter_{i}": "0.1" for i in range(meters)}
        self.plan = BillingPlan.on_demand(PriceSchedule(prices))
        self.account = Bill.of(Usage(dict.fromkeys(prices, 1)), self.plan, final=False).closing

    def event(self) -> Decimal:
        """Bill two meters, and keep the account."""
        bill = Bill.of(Usage(EVENT), self.plan, opening=self.account, final=False)
        self.account = bill.closing
        return bill.total


EVENT = {"meter_0": 1, "meter_1": 10}


class ByHand:
    """The same settlement, written out: what is owed now less what was charged before."""

    def __init__(self) -> None:
        self.one = self.other = self.charged = Decimal(0)
        self.rate = Decimal("0.1")

    def event(self) -> Decimal:
        """Add two quantities, settle their sum, charge the difference."""
        self.one += 1
        self.other += 10
        owed = (self.one * self.rate + self.other * self.rate).quantize(CENT, ROUND_HALF_UP)
        charge, self.charged = owed - self.charged, owed
        return charge


def events() -> list[Row]:
    """Real-time settlement, on small accounts and on large ones."""
    small = Running(5)
    return [
        Row("event on its account, 2 meters", Running(2).event, ByHand().event, "≤ 13"),
        Row("event, account of 1,000 meters / of 5", Running(1000).event, small.event, "≤ 2"),
        Row("event on its account / independent bill", small.event, _independent(small.plan), "≤ 2.2"),
    ]


def _independent(plan: BillingPlan) -> Callable[[], object]:
    return lambda: Bill.of(Usage(EVENT), plan).total


PAIR = Usage(gpu_hours=10, api_calls=1000)
PRICES = PriceSchedule(gpu_hours="0.1", api_calls="0.01")
MARCH = Period("2026-03-01", "2026-04-01")
HOURS, CALLS, HOUR, CALL = Decimal(10), Decimal(1000), Decimal("0.1"), Decimal("0.01")
NIL, VAT = Decimal(0), Decimal("0.19")


def settled(amount: Decimal) -> Decimal:
    """An amount in cents."""
    return amount.quantize(CENT, ROUND_HALF_UP)


def net_by_hand() -> Decimal:
    """What both meters come to."""
    return HOURS * HOUR + CALLS * CALL


def taxed_by_hand(net: Decimal) -> Decimal:
    """A net with a tax on top, each settled."""
    return settled(net) + settled(net * VAT)


def over_included() -> Decimal:
    """The same, 500 calls included."""
    return HOURS * HOUR + max(CALLS - 500, NIL) * CALL


def line_by_hand() -> Decimal:
    """Both meters settled apart, and a tax on their sum."""
    net = settled(HOURS * HOUR) + settled(CALLS * CALL)
    return net + settled(net * VAT)


def prepaid_by_hand() -> Decimal:
    """What a balance of 100 leaves due."""
    total = settled(net_by_hand())
    return total - min(total, Decimal(100))


def usage_taxed_by_hand() -> Decimal:
    """A fee without tax, and usage with it."""
    usage = over_included()
    return settled(20 + usage) + settled(usage * VAT)


def everything_by_hand() -> Decimal:
    """All terms at once: what is due after a gift of 5 and a balance of 100."""
    fee, usage = 20 * Decimal("0.9"), over_included() * Decimal("0.9")
    usage = max(usage - 4, NIL)
    net = max(min(fee + usage, Decimal(900)), Decimal(25))
    rounded = settled(net)
    gift = min(rounded, Decimal(5))
    total = rounded - gift + settled(max(net - gift, NIL) * VAT)
    return total - min(total, Decimal(100))


def terms() -> list[Row]:
    """Every kind of plan, usage and plan made before: the total of a bill, then all its lines."""
    vat, included = [Tax("VAT", 19)], {"api_calls": 500}
    on_demand, subscription = BillingPlan.on_demand, BillingPlan.subscription
    both = [
        ("on demand", on_demand(PRICES), None, lambda: settled(net_by_hand()), "≤ 6.5 / ≤ 22"),
        ("on demand, one tax", on_demand(PRICES, taxes=vat), None, lambda: taxed_by_hand(net_by_hand()),
         "≤ 7.5 / ≤ 25"),
        ("on demand, 10 % discount", on_demand(PRICES, discounts=[Discount.percent(10)]), None,
         lambda: settled(net_by_hand() * Decimal("0.9")), "≤ 7.5 / ≤ 30"),
        ("on demand, minimum", on_demand(PRICES, minimum=25), None,
         lambda: settled(max(net_by_hand(), Decimal(25))), "≤ 6.5 / ≤ 20"),
        ("subscription with a period", subscription(20, PRICES), MARCH,
         lambda: settled(20 + net_by_hand()), "≤ 6.5 / ≤ 25"),
        ("subscription, included, tax, period", subscription(20, PRICES, included=included, taxes=vat), MARCH,
         lambda: taxed_by_hand(20 + over_included()), "≤ 5.5 / ≤ 22"),
        ("subscription, tax on usage only",
         subscription(20, PRICES, included=included, taxes=[Tax("VAT", 19, on="usage")]), MARCH,
         usage_taxed_by_hand, "≤ 7.5 / ≤ 40"),
        ("rounding by line, tax", on_demand(PRICES, taxes=vat, rounding=Rounding(stage="line")), None,
         line_by_hand, "≤ 18 / ≤ 30"),
    ]  # fmt: skip
    rows = list[Row]()
    for name, plan, period, by_hand, targets in both:
        of = partial(Bill.of, PAIR, plan, period=period) if period else partial(Bill.of, PAIR, plan)
        total, lines = targets.split(" / ")
        rows.append(Row(f"{name}, total", lambda of=of: of().total, by_hand, total))
        rows.append(Row(f"{name}, lines", lambda of=of: of().lines, by_hand, lines))
    return [*rows, *credit()]


def credit() -> list[Row]:
    """What is due of a final bill that grants pay."""
    paid = Account(balance=[Grant("paid", 100, "USD")])
    both = Account(balance=[Grant("paid", 100, "USD"), Grant("gift", 5, "USD", kind="promotional")])
    prepaid = BillingPlan.prepaid(PRICES)
    full = BillingPlan.subscription(
        20, PRICES, included={"api_calls": 500}, minimum=25, maximum=900, taxes=[Tax("VAT", 19)],
        discounts=[Discount.percent(10), Discount.fixed(4, on="usage")],
    )  # fmt: skip
    one = partial(Bill.of, PAIR, prepaid, opening=paid)
    all_of_it = partial(Bill.of, PAIR, full, opening=both, period=MARCH)
    return [
        Row("prepaid, one grant, due", lambda: one().due, prepaid_by_hand, "≤ 10"),
        Row("prepaid, one grant, lines", lambda: one().lines, prepaid_by_hand, "≤ 22"),
        Row("all terms, gift and grant, due", lambda: all_of_it().due, everything_by_hand, "≤ 6"),
        Row("all terms, gift and grant, lines", lambda: all_of_it().lines, everything_by_hand, "≤ 25"),
    ]


class Events:
    """Events on an open account, of two meters each."""

    def __init__(self, plan: BillingPlan, account: Account | None = None, warm: int = 0) -> None:
        self.plan, self.account = plan, Account() if account is None else account
        for _ in range(warm):
            self.event()

    def event(self) -> Decimal:
        """Bill an event, and keep the account."""
        bill = Bill.of(TWO, self.plan, opening=self.account, final=False)
        self.account = bill.closing
        return bill.total


TWO = Usage(gpu_hours=1, api_calls=10)


def open_accounts() -> list[Row]:
    """An event on an open account of any plan, against one of a plan of prices alone."""
    vat, plain = [Tax("VAT", 19)], Events(BillingPlan.on_demand(PRICES), warm=1)
    grant, gift = Grant("paid", 10**6, "USD"), Grant("gift", 10**6, "USD", kind="promotional")
    scoped = Grant("calls", 10**6, "USD", on="api_calls")
    spent = [Grant(f"spent-{i}", 1, "USD") for i in range(100)]
    gone = Account(balance=Balance([*spent, grant], draws={each.id: 1 for each in spent}))
    full = BillingPlan.subscription(
        20, PRICES, included={"api_calls": 500}, minimum=25, maximum=10**9, taxes=vat,
        discounts=[Discount.percent(10), Discount.fixed(4, on="usage")],
    )  # fmt: skip
    by_line = BillingPlan.on_demand(PRICES, taxes=vat, rounding=Rounding(stage="line"))
    prepaid = BillingPlan.prepaid(PRICES)
    labels = Usage({f"api_calls{{id=n{i}}}": 1 for i in range(1000)})
    crowded = Account()
    crowded = Bill.of(labels, prepaid, opening=crowded, final=False).closing
    fresh = Events(prepaid, Account(balance=[grant]), warm=1)
    cases = [
        ("tax", BillingPlan.on_demand(PRICES, taxes=vat), Account(), "≤ 2"),
        ("all terms", full, Account(), "≤ 2"),
        ("prepaid", prepaid, Account(balance=[grant]), "≤ 2"),
        ("scoped credit", prepaid, Account(balance=[scoped]), "≤ 4"),
        ("promotional credit", prepaid, Account(balance=[gift]), "≤ 4"),
        ("rounding by line", by_line, Account(), "≤ 4"),
    ]
    rows = [
        Row(f"event, {name} / on demand", Events(plan, account, warm=1).event, plain.event, target)
        for name, plan, account, target in cases
    ]
    return [
        *rows,
        Row("event, 4,000 before / fresh", Events(full, warm=4000).event,
            Events(full, warm=1).event, "≤ 1.15"),
        Row("event, 1,000 idle labels / fresh", Events(prepaid, crowded, warm=1).event,
            Events(prepaid, warm=1).event, "≤ 1.15"),
        Row("event, 100 spent grants / fresh", Events(prepaid, gone, warm=1).event, fresh.event, "≤ 1.15"),
        *held_accounts(),
    ]  # fmt: skip


def held_accounts() -> list[Row]:
    """An event on an account with 2,000 open holds, and a hold with its settlement on it, against none."""
    grant = Grant("paid", 10**9, "USD")
    strict = BillingPlan.prepaid(PRICES, overage="refuse")
    taxed = BillingPlan.prepaid(PRICES, overage="refuse", taxes=[Tax("VAT", 19)])
    rows = list[Row]()
    for name, plan, of_usage in (
        ("amounts", BillingPlan.prepaid(PRICES), False),
        ("usage, refused beyond", strict, True),
        ("usage, refused beyond, taxed", taxed, True),
    ):
        account = Account(balance=[grant])
        for i in range(2000):
            asked = {"usage": TWO, "plan": plan} if of_usage else {"amount": "0.50"}
            account = account.hold(f"h{i}", **asked)
        none = Events(plan, Account(balance=[grant]), warm=1)
        rows.append(
            Row(
                f"event, 2,000 holds of {name} / none",
                Events(plan, account, warm=1).event,
                none.event,
                "≤ 1.3",
            )
        )
    return rows


def versions() -> list[Row]:
    """A bill whose terms change twice in its period, against one of the same usage whose terms stay."""
    by_day = {f"2026-03-{day:02}": PAIR for day in (5, 15, 25)}
    rows = list[Row]()
    for name, more, target in (
        ("three versions in the period / one", {}, "≤ 1.6"),
        ("  with a fixed discount", {"discounts": [Discount.fixed(4)]}, "≤ 2.5"),
        ("  with a maximum", {"maximum": 900}, "≤ 2.5"),
    ):
        terms: dict[str, Any] = {"included": {"api_calls": 500}, **more}
        plans = [BillingPlan.subscription(fee, PRICES, **terms) for fee in (20, 30, 40)]
        changed = Contract(plans[0]).amended("2026-03-11", plans[1]).amended("2026-03-21", plans[2])
        of, whole = partial(Bill.of, period=MARCH), PAIR + PAIR + PAIR
        rows.append(
            Row(
                name,
                lambda of=of, changed=changed: of(by_day, changed).total,
                lambda of=of, whole=whole, plan=plans[0]: of(whole, plan).total,
                target,
            )
        )
    return rows


def levels() -> list[Row]:
    """Seats that change in the middle, a maximum on one meter, a discount and a tax, charge by charge."""
    plan = BillingPlan.subscription(
        Fee(10, "seats", level="seats"), PRICES, maximum=Limit(1, on="gpu_hours"),
        discounts=[Discount.percent(10)], taxes=[Tax("VAT", 19)],
    )  # fmt: skip
    seats = {"seats": [("2026-03-01", 3), ("2026-03-16", 5)]}
    seat, days, first, off = Decimal(10), Decimal(31), Decimal(15), Decimal("0.9")

    def nets_by_hand() -> list[tuple[Decimal, Decimal]]:
        fees = [seat * 3 * first / days, seat * 5 * (days - first) / days]
        listed = [*fees, HOURS * HOUR, CALLS * CALL]
        nets = [amount * off for amount in listed]
        nets[2] = min(nets[2], Decimal(1))
        return list(zip(listed, nets, strict=True))

    def by_hand() -> Decimal:
        return taxed_by_hand(sum((net for _, net in nets_by_hand()), NIL))

    def rows_by_hand() -> list[tuple[Decimal, ...]]:
        rows, listed, net, tax = list[tuple[Decimal, ...]](), NIL, NIL, NIL
        shown = NIL, NIL, NIL
        # each column from its running sum, so that it adds up to the cent
        for amount, left in nets_by_hand():
            listed, net, tax = listed + amount, net + left, tax + left * VAT
            upto = settled(listed), settled(net), settled(tax)
            one, two, three = (now - before for now, before in zip(upto, shown, strict=True))
            rows.append((one, two - one, two, three, two + three))
            shown = upto
        return rows

    of = partial(Bill.of, PAIR, plan, period=MARCH, levels=seats)
    return [
        Row("levels, a maximum on a meter, total", lambda: of().total, by_hand, "≤ 25"),
        Row("  its breakdown", lambda: of().breakdown(), rows_by_hand, "≤ 25"),
        Row("  its lines", lambda: of().lines, by_hand, ""),
    ]


def peers() -> list[Row]:
    """The same tokens by the LLM cost counters that are installed; these ratios are theirs over ours."""
    plan, found = llm_plan(), [("genai-prices", _genai_prices(), "≥ 20"), ("litellm", _litellm(), "≥ 25")]
    return [
        Row(f"{name} call / our bill", call, lambda: Bill.of(Usage(TOKENS), plan).total, target)
        for name, call, target in found
        if call is not None
    ]


MODEL = "claude-sonnet-4-5"
ALL_INPUT = sum(TOKENS.values()) - TOKENS["output_tokens"]


def _genai_prices() -> Callable[[], object] | None:
    try:
        import genai_prices
    except ImportError:
        return None
    usage = genai_prices.Usage(
        input_tokens=ALL_INPUT, cache_read_tokens=8000, cache_write_tokens=700, output_tokens=900
    )
    return lambda: genai_prices.calc_price(usage, MODEL, provider_id="anthropic").total_price


def _litellm() -> Callable[[], object] | None:
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")  # its bundled prices, no download
    try:
        from litellm import cost_per_token
    except ImportError:
        return None
    tokens = {"prompt_tokens": ALL_INPUT, "completion_tokens": 900}
    cached = {"cache_read_input_tokens": 8000, "cache_creation_input_tokens": 700}
    return lambda: cost_per_token(MODEL, **tokens, **cached)


WARM = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
"""The environment of a process that keeps its bytecode; the first one is not counted."""


FIRST_BILL = "from tokenbill import Bill, BillingPlan, PriceSchedule, Usage"


def import_ratio(code: str) -> Timing:
    """Ours against ``import attrs``: whole processes with warm bytecode."""
    pairs = [(_process(code), _process("import attrs")) for _ in range(IMPORTS + 1)][1:]
    ours, other = (statistics.median(side) for side in zip(*pairs, strict=True))
    return Timing(ours, other, statistics.median(one / two for one, two in pairs))


def _process(code: str) -> float:
    command = [sys.executable, "-c", code]
    return timeit.timeit(lambda: subprocess.run(command, check=True, env=WARM), number=1) * 1e9


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=41, help="rounds of each row (default 41)")
    parser.add_argument("--no-import", action="store_true", help="leave out the import of whole processes")
    parser.add_argument("--only", default="", help="a group of rows: terms, open_accounts, peers …")
    options = parser.parse_args()
    print(f"CPython {platform.python_version()}, medians of {options.rounds} rounds, ratios pair by pair\n")
    print(f"{'':42}{'ns':>12}{'other ns':>12}{'ratio':>9}  target")
    found = (
        two_meters,
        llm,
        six_tiers,
        by_the_hour,
        labelled,
        events,
        terms,
        versions,
        levels,
        open_accounts,
        peers,
    )
    rows = [row for rows_of in found if options.only in rows_of.__name__ for row in rows_of()]
    for row in rows:
        print(_told(row.name, timed(row, options.rounds), row.target))
    if not options.no_import:
        print(_told("import tokenbill / import attrs", import_ratio("import tokenbill"), "≤ 1.8"))
        print(_told("  and what a bill needs / import attrs", import_ratio(FIRST_BILL), ""))


def _told(name: str, timing: Timing, target: str) -> str:
    return f"{name:42}{timing.ours:12,.0f}{timing.other:12,.0f}{timing.ratio:9.2f}  {target}"


if __name__ == "__main__":
    main()
