"""A customer's life at random, billed by package and oracle alike: ``python tests/simulator.py --seed 1``.

A seed makes a story, plain data that says all: a plan, grants, periods and what is used in each of their
bills. The same seed makes the same story on every machine, so a seed that fails is a test case.
"""

import argparse
import json
import random
import sys
import time
from datetime import date, timedelta
from fractions import Fraction

import oracle
from attrs import evolve

import tokenbill as tb
from tokenbill.errors import BalanceExhausted

# --- stories ---------------------------------------------------------------------------------------------

RATES = ["0", "0.01", "0.1", "0.335", "0.334", "0.005", "0.0125", "0.7", "1", "1", "1.005", "2.5", "6", "10"]
FEES = ["0", "0.005", "1", "1", "2.345", "3", "5", "10", "20.01", "99"]
SIZES = ["0.5", "1", "2", "3", "4", "5", "7", "10", "12.5", "60"]
BOUNDS = ["0.5", "1", "2", "3", "5", "7.5", "10", "12", "15", "20", "25", "40"]
QUANTITIES = sorted([*BOUNDS, "0", "7", "11", "21", "33.333"], key=Fraction)
PERCENTS = ["0", "5", "9.975", "10", "19", "20", "33.3", "50", "100"]
CREDITS = ["0", "0.005", "0.5", "1", "2", "3", "5", "8", "10", "10.01", "25", "60", "500"]
DIRECTIONS = ["none", "up", "down", "half_up"]
FAMILIES = [
    ["gpu"],
    ["gpu", "gpu{m=x}"],
    ["gpu{m=x}"],
    ["gpu", "gpu{m=x}", "gpu{r=eu}", "gpu{m=x,r=eu}"],
]
GROUPS = [{}, {"z": "1"}, {"z": "2"}, {"y": "1"}, {"y": "2", "z": "1"}]
KEYS = ["priority", "expires", "starts", "created", "larger", "promotional", "scoped"]
CURRENCIES = {"USD": 2, "JPY": 0, "BHD": 3}


class Story:
    """Draws a story; every choice comes from one generator, in one order."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.few = self.rng.random() ** 2  # how much of what there is this story has
        self.clock = self.pick(["day", "day", "instant"])
        self.grants_made = 0

    def told(self):
        plan = self.plan()
        grants = [self.grant(plan) for _ in range(self.up_to(4))]
        periods = [self.period(plan, start) for start in self.starts(plan, grants)]
        order = self.rng.sample(KEYS, self.up_to(4)) if self.has(0.3) else KEYS[:3]
        carried = self.pick(["1", "2.5", "10"]) if self.has(0.2) else "0"
        paid = [self.pick(CREDITS), self.pick(CREDITS[:4])] if self.has(0.5) else None
        return {
            "plan": plan,
            "grants": grants,
            "order": [*order, "id"],
            "carried": carried,
            "periods": periods,
            "paid": paid,
        }

    def pick(self, choices):
        return self.rng.choice(choices)

    def chance(self, probability):
        return self.rng.random() < probability

    def has(self, probability):
        """A chance that is smaller in a simple story."""
        return self.rng.random() < probability * (0.3 + self.few)

    def up_to(self, most):
        return int(self.rng.random() * (0.3 + 0.7 * self.few) * (most + 1))

    # prices

    def price(self, depth):
        if depth and self.has(0.5):
            return self.bent(depth - 1)
        kind = self.pick(["per_unit", "per_unit", "flat", "package", "graduated", "graduated", "volume"])
        if kind == "per_unit":
            return [kind, self.pick(RATES), self.pick(SIZES) if self.has(0.4) else "1"]
        if kind == "flat":
            return [kind, self.pick(FEES), self.chance(0.3)]
        if kind == "package":
            return [kind, self.pick(SIZES), self.pick(FEES), self.pick(DIRECTIONS[1:])]
        return [kind, self.tiers(), self.pick(SIZES) if self.has(0.3) else "1", self.chance(0.3)]

    def tiers(self):
        ends = sorted(self.rng.sample(BOUNDS, self.rng.randrange(4)), key=Fraction)
        blocks = self.chance(0.25)
        return [self.tier(end, blocks) for end in [*ends, None]]

    def tier(self, end, blocks):
        return {
            "up_to": end,
            "rate": self.pick(RATES),
            "fee": self.pick(FEES) if self.has(0.5) else "0",
            "per": self.pick(SIZES) if blocks or self.has(0.2) else None,
            "round": self.pick(DIRECTIONS) if blocks else "none",
        }

    def bent(self, depth):
        kind = self.pick(["sum", "scaled", "after", "capped", "at_least", "in_units", "then"])
        inner = self.price(depth)
        if kind == "sum":
            return [kind, inner, *(self.price(depth) for _ in range(self.rng.randrange(1, 3)))]
        if kind == "then":
            return [kind, inner, self.price(depth)]
        if kind == "in_units":
            return [kind, inner, self.pick(SIZES), self.pick(["1", "1", "3", "0.5"]), self.pick(DIRECTIONS)]
        given = {"scaled": ["0.9", "1.2", "2", "0"], "after": BOUNDS, "capped": FEES, "at_least": FEES}
        return [kind, inner, self.pick(given[kind])]

    # plans

    def plan(self):
        code = self.pick(["USD", "USD", "USD", "JPY", "BHD"])
        has_tokens = self.has(0.4)
        rounding = self.rounding()
        keys = self.keys()
        plan = {
            "currency": code,
            "places": CURRENCIES[code],
            "units": "TOKEN" if has_tokens else code,
            "unit_places": self.pick([0, 0, 1]) if has_tokens else CURRENCIES[code],
            "rounding": rounding,
            "entries": {key: self.entry() for key in keys},
            "included": {key: self.pick(BOUNDS) for key in keys if self.has(0.25)},
            "prorate_included": self.chance(0.4),
            "token_price": self.price(1) if has_tokens else None,
            "overage": "refuse" if self.has(0.15) else "bill",
        }
        return plan | self.terms(keys) | self.times()

    def rounding(self):
        stage = self.pick(["bill", "bill", "line"])
        return {
            "places": self.rng.randrange(5) if self.has(0.2) else None,
            "mode": self.pick(["half_up", "half_up", "half_even", "up", "down"]),
            "stage": stage,
            "tax": self.pick(["total", "line"]) if stage == "line" else "total",
        }

    def keys(self):
        names = ["a", "b"][: self.rng.randrange(1, 3)]
        return names + (self.pick(FAMILIES) if self.chance(0.5) else [])

    def entry(self):
        each = self.pick([["z"], ["z"], ["y", "z"], ["z", "y"]]) if self.has(0.25) else None
        return {"price": self.price(2), "each": each}

    def terms(self, keys):
        least, most = sorted([self.pick(FEES), self.pick([*FEES, "40", "150"])], key=Fraction)
        return {
            "fees": [self.fee() for _ in range(self.up_to(2))],
            "discounts": [self.discount(keys) for _ in range(self.up_to(3))],
            "minimum": least if self.has(0.25) else None,
            "maximum": most if self.has(0.25) else None,
            "taxes": [self.tax(keys) for _ in range(self.up_to(3))],
        }

    def fee(self):
        due = self.pick(["advance", "arrears"])
        return {"amount": self.pick(FEES), "due": due, "prorated": self.chance(0.7)}

    def discount(self, keys):
        if self.chance(0.5):
            return {"unit": "percent", "value": self.pick(PERCENTS), "on": self.scope(keys)}
        return {"unit": "fixed", "value": self.pick(CREDITS), "on": self.scope(keys)}

    def tax(self, keys):
        return {"percent": self.pick(PERCENTS), "inclusive": self.chance(0.4), "on": self.scope(keys)}

    def scope(self, keys):
        if not self.has(0.5):
            return None
        parts = ["usage", "usage", "fee", "minimum", *keys, *keys]
        return sorted({self.pick(parts) for _ in range(self.rng.randrange(1, 3))})

    def times(self):
        cycle = self.cycle() if self.has(0.4) else None
        is_finest = self.clock == "instant" and self.chance(0.5)
        trial = None
        if self.has(0.2):
            has_anchor = cycle and cycle["anchor"] == "2024-12-20"
            trial = self.rng.randrange(120) if has_anchor else self.span(40)
        return {"cycle": cycle, "proration": "second" if is_finest else "day", "trial": trial}

    def cycle(self):
        unit = self.pick(["month", "month", "month", "week", "day", "quarter", "year"])
        days = [1, 15, 28, 31] if unit in ("month", "quarter") else []
        anchor = self.pick([*days, "2024-02-29", "1970-01-05", "2024-12-20", "2024-12-20"])
        return {"unit": unit, "every": self.pick([1, 1, 2]), "anchor": anchor}

    # times

    def day(self):
        return date(2025, 1, 1) + timedelta(days=self.rng.randrange(90))

    def text(self, day, *, exactly=True):
        if self.clock == "day":
            return str(day)
        hour = 0 if exactly else self.rng.randrange(24)
        return f"{day}T{hour:02}:00:00Z"

    def span(self, longest):
        start = self.day()
        return [self.text(start), self.text(start + timedelta(days=self.rng.randrange(1, longest)))]

    def starts(self, plan, grants):
        """The days on which periods start; none where nothing needs a date."""
        is_dated = any(grant["starts"] or grant["expires"] for grant in grants)
        if not (is_dated or plan["cycle"] or plan["trial"] or self.chance(0.3)):
            return [None]
        first = self.day()
        return [first, first + timedelta(days=31)][: self.pick([1, 1, 2])]

    def bounds(self, plan, start):
        """A service period: a billing period, or a part of one."""
        if start is None:
            return None
        end = start + timedelta(days=self.pick([1, 10, 28, 31]))
        if plan["cycle"]:
            first, last = oracle.billing_period(plan["cycle"], start)
            if self.chance(0.4):
                return [self.text(first), self.text(last)]
            end = min(end, last)
        is_day = plan["proration"] == "day" or plan["cycle"] is not None
        return [self.text(start), self.text(end, exactly=is_day)]

    def moments(self, bounds, count):
        """When each bill is made, in order; None for those that say nothing."""
        if bounds is None or self.chance(0.5):
            return [None] * count
        start = date.fromisoformat(bounds[0][:10])
        days = sorted(self.rng.randrange(40) for _ in range(count))
        every = self.chance(0.7)
        return [self.text(start + timedelta(days=n)) if every or self.chance(0.5) else None for n in days]

    # customers

    def grant(self, plan):
        self.grants_made += 1
        keys = list(plan["entries"])
        is_dated = self.has(0.35)
        starts, expires = self.span(60) if is_dated else [None, None]
        return {
            "id": f"{self.pick('abc')}{self.grants_made}",
            "amount": self.pick(CREDITS),
            "currency": self.pick([plan["currency"], plan["units"]]),
            "starts": starts if self.chance(0.6) else None,
            "expires": expires if self.chance(0.6) else None,
            "priority": self.rng.randrange(-1, 2),
            "kind": self.pick(["paid", "promotional"]),
            "on": self.scope(keys),
            "rollover": self.rollover() if self.has(0.3) else None,
            "created": self.text(self.day()) if self.chance(0.5) else None,
        }

    def rollover(self):
        least, most = sorted([self.pick(CREDITS), self.pick(CREDITS)], key=Fraction)
        return [least, most if self.chance(0.6) else None]

    # usage

    def meters(self, plan):
        """Meters that entries price, some with labels more than the entry has."""
        found = []
        for key in plan["entries"]:
            name, labels = oracle.read(key)
            each = plan["entries"][key]["each"]
            count = 3 if each else 1
            found += [oracle.written(name, labels | self.pick(GROUPS)) for _ in range(count)]
        return sorted(set(found))

    def period(self, plan, start):
        bounds = self.bounds(plan, start)
        count = self.pick([1, 1, 1, 2, 2, 3, 4, self.rng.randrange(1, 21)])
        parts = [{} for _ in range(count)]
        for meter in self.meters(plan):
            if self.chance(0.85):
                self.strew(meter, parts)
        steps = [
            {"usage": part, "less": {}, "at": at, "keep": self.pick(["memo", "memo", "evolved", "stored"])}
            for part, at in zip(parts, self.moments(bounds, count), strict=True)
        ]
        if self.has(0.2):
            self.correct(steps)
        for step in steps:
            step["grants"] = [self.undated(plan)] if self.has(0.06) and steps[0] is not step else []
        return {"bounds": bounds, "steps": steps}

    def undated(self, plan):
        return self.grant(plan) | {"starts": None, "expires": None}

    def strew(self, meter, parts):
        """A quantity, near the bounds that prices have, cut into parts of whole tenths."""
        total = Fraction(self.pick(QUANTITIES)) * self.pick([1, 1, 1, 2])
        grid = self.pick([1, Fraction(1, 2), Fraction(1, 10)])
        cuts = sorted(int(total / grid * Fraction(self.rng.randrange(101), 100)) * grid for _ in parts[1:])
        for part, low, high in zip(parts, [0, *cuts], [*cuts, total], strict=True):
            if high > low:
                part[meter] = decimal(high - low)

    def correct(self, steps):
        """More is reported than was used, and later taken off again."""
        at = self.rng.randrange(len(steps))
        back = self.rng.randrange(at, len(steps))
        usage = steps[at]["usage"]
        for meter in list(usage):
            more = self.pick(["1", "2.5", "12"])
            usage[meter] = decimal(Fraction(usage[meter]) + Fraction(more))
            steps[back]["less"][meter] = more


def decimal(x):
    """A fraction that terminates, as text."""
    digits = 0
    while (x * 10**digits).denominator > 1:
        digits += 1
    whole, rest = divmod(int(x * 10**digits), 10**digits)
    return f"{whole}.{rest:0{digits}}" if digits else str(whole)


# --- the package's side ----------------------------------------------------------------------------------


def tiers_of(tiers):
    return [tb.Tier(**tier) for tier in tiers]


def price_of(price):
    name, *given = price
    return PRICES[name](*given)


PRICES = {
    "per_unit": lambda rate, per: tb.PerUnit(rate, per=per),
    "flat": lambda amount, at_zero: tb.Flat(amount, at_zero=at_zero),
    "package": lambda size, fee, direction: tb.Package(size, fee, round=direction),
    "graduated": lambda tiers, per, at_zero: tb.Graduated(tiers_of(tiers), per=per, fee_at_zero=at_zero),
    "volume": lambda tiers, per, at_zero: tb.Volume(tiers_of(tiers), per=per, fee_at_zero=at_zero),
    "sum": lambda first, *more: sum(map(price_of, more), price_of(first)),
    "scaled": lambda price, factor: price_of(price) * factor,
    "after": lambda price, units: price_of(price).after(units),
    "capped": lambda price, most: price_of(price).capped(most),
    "at_least": lambda price, least: price_of(price).at_least(least),
    "in_units": lambda price, of, times, direction: price_of(price).in_units(of, times, direction),
    "then": lambda price, curve: price_of(price).then(price_of(curve)),
}


def entry_of(entry):
    price = price_of(entry["price"])
    return price.each(*entry["each"]) if entry["each"] else price


def unit_of(plan, code):
    return tb.Currency("TOKEN", places=plan["unit_places"]) if code == "TOKEN" else tb.Currency(code)


def discount_of(rule):
    make = tb.Discount.percent if rule["unit"] == "percent" else tb.Discount.fixed
    return make(rule["value"], on=rule["on"])


def taxes_of(plan):
    return [tb.Tax(f"tax {i}", **tax) for i, tax in enumerate(plan["taxes"])]


def plan_of(plan):
    entries = {key: entry_of(entry) for key, entry in plan["entries"].items()}
    cycle, trial = plan["cycle"], plan["trial"]
    return tb.BillingPlan(
        tb.PriceSchedule(entries, currency=unit_of(plan, plan["units"])),
        fees=[tb.Fee(**fee) for fee in plan["fees"]],
        included=plan["included"],
        prorate_included=plan["prorate_included"],
        discounts=[discount_of(rule) for rule in plan["discounts"]],
        minimum=plan["minimum"],
        maximum=plan["maximum"],
        taxes=taxes_of(plan),
        rounding=tb.Rounding(**plan["rounding"]),
        currency=plan["currency"],
        token_price=plan["token_price"] and price_of(plan["token_price"]),
        cycle=cycle and tb.Cycle(cycle["unit"], cycle["anchor"], every=cycle["every"]),
        proration=plan["proration"],
        trial=tb.Period(*trial) if isinstance(trial, list) else trial,
        overage=plan["overage"],
    )


def grant_of(plan, grant):
    return tb.Grant(**grant | {"currency": unit_of(plan, grant["currency"])})


def kept(account, keep):
    """An account as it comes back: as it was, without what it remembers, or from what a user stores."""
    if keep == "memo":
        return account
    if keep == "evolved":
        return evolve(account)
    return tb.Account(
        account.period,
        account.terms,
        {str(meter): str(quantity) for meter, quantity in account.used.items()},
        str(account.accrued),
        {id: str(amount) for id, amount in account.draws},
        account.balance,
        str(account.carried),
    )


# --- both ------------------------------------------------------------------------------------------------


class Difference(Exception):
    """The two do not agree."""


def shown(answer):
    return json.dumps(answer, default=str, sort_keys=True)


def state_of(account):
    """What an account says: what is carried as an amount in the customer's favour."""
    balance = account.balance
    left = {grant.id: Fraction(balance.left(grant.id)) for grant in balance.grants}
    return {"carried": -Fraction(account.carried), "left": left, "accrued": Fraction(account.accrued)}


def said(bill):
    """What a bill of the package says, and that its lines add up."""
    lines = bill.lines
    return {
        "total": Fraction(bill.total),
        "sum of amounts": sum((Fraction(line.amount) for line in lines), Fraction()),
        "sum of exacts": sum((line.exact for line in lines), Fraction()),
        "exact": bill.exact,
        "due": Fraction(bill.due),
        "draws": {id: Fraction(amount) for id, amount in bill.draws if amount},
        **state_of(bill.closing),
    }


def expected(answer, state):
    """The same, as the oracle has it."""
    return {
        "total": answer.total,
        "sum of amounts": answer.total,
        "sum of exacts": answer.total,
        "exact": answer.exact,
        "due": answer.due,
        "draws": answer.draws,
        "carried": state.carried,
        "left": state.left,
        "accrued": answer.accrued,
    }


class Run:
    """One story, billed twice."""

    def __init__(self, story):
        self.story = story
        self.plan = plan_of(story["plan"])
        self.account = tb.Account(
            balance=tb.Balance(self.grants(story["grants"]), order=tuple(story["order"])),
            carried=f"-{story['carried']}",
        )
        self.state = oracle.opened(story["grants"], story["order"], story["carried"])
        self.bills = 0
        self.answers = []

    def grants(self, grants):
        return [grant_of(self.story["plan"], grant) for grant in grants]

    def bill(self, account, state, step, bounds, *, final):
        """One bill on both sides; None where both refuse it."""
        self.bills += 1
        terms = {"final": final, "at": step["at"]}
        try:
            answer, after = oracle.billed(
                self.story["plan"], state, step["usage"], period=bounds, less=step["less"], **terms
            )
            theirs = expected(answer, after)
        except oracle.Refused as refused:
            answer, after, theirs = None, state, {"short": refused.short}
        except oracle.BelowZero:
            answer, after, theirs = None, state, {"error": "invalid_usage"}
        try:
            bill = tb.Bill.of(
                tb.Usage(step["usage"]),
                self.plan,
                period=bounds and tb.Period(*bounds),
                opening=account,
                less=tb.Usage(step["less"]),
                **terms,
            )
            ours = said(bill)
        except BalanceExhausted as refused:
            bill, ours = None, {"short": Fraction(refused.short)}
        except tb.TokenbillError as error:
            bill, ours = None, {"error": error.code}
        self.answers.append([ours, theirs])
        if ours != theirs:
            raise Difference
        return bill, answer, after

    def lived(self):
        for period in self.story["periods"]:
            self.closed(period)

    def closed(self, period):
        """All bills of a period, and the one bill that it could have been."""
        opening, state, made = self.account, self.state, []
        steps, bounds = period["steps"], period["bounds"]
        for step in steps:
            if step["grants"]:
                self.topped_up(step["grants"])
            final = step is steps[-1]
            bill, _, self.state = self.bill(
                kept(self.account, step["keep"]), self.state, step, bounds, final=final
            )
            if bill is not None:
                self.account = bill.closing
                made.append(bill)
        if len(made) == len(steps) > 1 and self.plan.overage == "bill":
            self.whole(opening, state, period, made)
        elif len(made) < len(steps):
            self.gave_up(bounds, steps)

    def topped_up(self, grants):
        balance = self.account.balance.with_grants(*self.grants(grants))
        self.account = evolve(self.account, balance=balance)
        self.state = oracle.topped_up(self.state, grants)

    def gave_up(self, bounds, steps):
        """A period with a refused bill ends with a bill of no usage, which is never refused."""
        step = {"usage": {}, "less": {}, "at": steps[-1]["at"]}
        bill, _, self.state = self.bill(self.account, self.state, step, bounds, final=True)
        self.account = bill.closing

    def worked_out_anew(self):
        """The ids of the grants that every bill of a period draws on anew."""
        money = self.story["plan"]["currency"]
        return {
            grant["id"]
            for grant in self.state.grants
            if grant["kind"] == "promotional" or grant["currency"] != money
        }

    def whole(self, opening, state, period, made):
        """The laws of a period that was split: what one bill of all of it would have said."""
        usage, less = {}, {}
        for step in period["steps"]:
            for sums, part in [(usage, step["usage"]), (less, step["less"])]:
                for meter, quantity in part.items():
                    sums[meter] = decimal(Fraction(sums.get(meter, 0)) + Fraction(quantity))
        step = {"usage": usage, "less": less, "at": period["steps"][-1]["at"]}
        one, _, _ = self.bill(opening, state, step, period["bounds"], final=True)
        for law, left, right in laws(period, state, one, made, self.worked_out_anew()):
            if left != right:
                self.answers.append([{law: left}, {law: right}])
                raise Difference


def laws(period, state, one, made, anew):
    """What splitting a period may not change, under the conditions that the documents name.

    *state* is the oracle's before the period, *one* the single bill, *anew* the ids of the grants
    that each bill works out anew: promotional ones, and those of tokens.
    """
    added = [grant for step in period["steps"] for grant in step["grants"]]
    is_constant = len({step["at"] for step in period["steps"]}) == 1
    dated = {grant["id"] for grant in state.grants if grant["starts"] or grant["expires"]}
    if (is_constant or not dated & anew) and not any(grant["id"] in anew for grant in added):
        yield "6, total", sum(Fraction(bill.total) for bill in made), Fraction(one.total)
    for bills in (made, [one]):
        yield "9", *conserved(bills, anew, state.carried)
    is_scoped = any(grant["on"] and grant["id"] not in anew for grant in state.grants)
    if (is_constant or not dated) and not (added or is_scoped) and all(bill.total >= 0 for bill in made):
        yield "6, due", sum(Fraction(bill.due) for bill in made), Fraction(one.due)
        yield "6, balance", state_of(made[-1].closing)["left"], state_of(one.closing)["left"]


def conserved(bills, anew, carried):
    """Dues, paid draws and what was carried in; totals and what is carried out."""
    paid = sum(Fraction(amount) for bill in bills for id, amount in bill.draws if id not in anew)
    dues = sum(Fraction(bill.due) for bill in bills)
    totals = sum(Fraction(bill.total) for bill in bills)
    return dues + paid + carried, totals + state_of(bills[-1].closing)["carried"]


def simulated(seed):
    """One story: how many bills it had, and what is to be said of it where the two differ."""
    story = Story(seed).told()
    run = Run(story)
    try:
        run.lived()
    except Difference:
        ours, theirs = run.answers[-1]
        answers = f"package: {shown(ours)}\noracle:  {shown(theirs)}"
        return run.bills, f"seed {seed}, bill {run.bills}\n{shown(story)}\n{answers}"
    return run.bills, None


def simulation(seed, bills):
    """Stories from a seed on, until so many bills are made: how many they were, and the first difference."""
    made = 0
    while made < bills:
        count, difference = simulated(seed)
        made, seed = made + count, seed + 1
        if difference:
            return made, difference
    return made, None


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first story; the next ones follow")
    parser.add_argument("--bills", type=int, default=1, help="stop after so many bills")
    given = parser.parse_args(arguments)
    began = time.perf_counter()
    made, difference = simulation(given.seed, given.bills)
    print(difference or f"{made} bills, 0 differences", file=sys.stdout)
    print(f"{made / (time.perf_counter() - began):.0f} bills a second", file=sys.stderr)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
