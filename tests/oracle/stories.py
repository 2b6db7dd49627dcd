"""Lives of customers at random, as plain data: a plan, grants, periods, and what is used in each bill.

A seed makes a story, and the same seed makes the same story in every process and on every machine. Numbers
are texts; they lie close together, so that usage meets the ends of tiers, allowances, limits and credit.
"""

import random
from datetime import date, timedelta
from fractions import Fraction

from tests.oracle import oracle

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
DAYS = [0, 0, 1, 5, 10, 10, 20, 28, 31, 40]
CURRENCIES = {"USD": 2, "JPY": 0, "BHD": 3}
KEEPS = ["memo", "memo", "memo", "evolved", "stored", "stored", "edited"]
"""How an account comes back before the next bill; an edited one is to be refused, or the same."""


class Story:
    """Draws a story; every choice comes from one generator, in one order."""

    def __init__(self, seed):
        self.rng = random.Random(seed)
        self.much = self.rng.random() ** 2  # how much of all that there is this story has
        self.clock = self.pick(["day", "day", "instant"])
        self.first = date(2025, 1, 1) + timedelta(days=self.rng.randrange(90))
        self.is_dated = self.chance(0.35)  # whether grants start and expire
        self.is_even = self.chance(0.2)  # whether entries are alike, so that ties arise
        self.grants_made = 0
        self.later = random.Random(f"{seed} later")  # what came later moves no older choice

    def told(self):
        plan = self.plan()
        grants = [self.grant(plan) for _ in range(self.up_to(4) + 2 * self.is_dated)]
        starts = self.starts(plan, grants)
        periods = [self.period(plan, start) | self.money(plan, start) for start in starts]
        return {
            "plan": plan,
            "grants": grants,
            "order": self.order(),
            "credit": self.pick(["1", "3", "10", "-2"]) if self.has(0.2) else "0",
            "periods": periods,
            "note": self.note() if self.has(0.3) else None,
            "is_read": self.chance(0.25),  # whether the bill is verified, and every byte of it compared
        }

    def order(self):
        if self.chance(0.6):
            return None
        return ["larger", "id"] if self.chance(0.3) else [*self.rng.sample(KEYS, self.up_to(5)), "id"]

    def note(self):
        """What becomes of a correction of the last period: what was paid on it, and credited before."""
        if self.chance(0.5):
            return {"paid": None, "credited": "0"}
        return {"paid": self.pick(CREDITS), "credited": self.pick(CREDITS[:4])}

    def pick(self, choices):
        return self.rng.choice(choices)

    def chance(self, probability):
        return self.rng.random() < probability

    def has(self, probability):
        """A chance that is smaller in a simple story."""
        return self.rng.random() < probability * (0.3 + self.much)

    def up_to(self, most):
        return int(self.rng.random() * (0.3 + 0.7 * self.much) * (most + 1))

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
        rounding = self.rounding() | {"step": None}
        places = CURRENCIES[code] if rounding["places"] is None else rounding["places"]
        if self.later.random() < 0.12:
            rounding["step"] = decimal(Fraction(self.later.choice([2, 5, 10, 50]), 10**places))
        keys = self.keys()
        included = {key: self.pick(BOUNDS) for key in keys if self.has(0.25)}
        plan = {
            "currency": code,
            "places": CURRENCIES[code],
            "units": "TOKEN" if has_tokens else code,
            "unit_places": self.pick([0, 0, 1]) if has_tokens else CURRENCIES[code],
            "rounding": rounding,
            "entries": self.entries(keys),
            "included": included,
            "prorate_included": bool(included) and self.chance(0.4),
            "token_price": self.price(1) if has_tokens else None,
            "overage": "refuse" if self.has(0.15) else "bill",
        }
        if self.later.random() < 0.15 and plan["overage"] == "bill":
            plan["overage"] = "owe"
        plan["least_due"] = self.later.choice(["0.5", "1", "10"]) if self.later.random() < 0.15 else None
        terms = self.terms(keys)
        for fee in terms["fees"]:
            fee["in_tokens"] = has_tokens and self.later.random() < 0.3
        plan |= terms | self.times()
        return plan | {"commitment": self.commitment(plan) if self.later.random() < 0.15 else None}

    def commitment(self, plan):
        """A commitment over one or two billing periods, or over a year."""
        cycle = plan["cycle"]
        if cycle is None or cycle["unit"] == "listed":
            cycle = {"unit": "year", "every": 1, "anchor": "2024-08-01"}
            if plan["cycle"]:
                cycle = plan["cycle"]
        else:
            cycle = cycle | {"every": cycle["every"] * self.later.choice([1, 2])}
        return {
            "amount": self.later.choice(["1", "5", "10", "20.01", "99", "200"]),
            "cycle": cycle,
            "true_up": self.later.choice(["end", "end", "never"]),
            "overage": self.later.choice(["1", "1.5", "2"]),
        }

    def rounding(self):
        stage = self.pick(["bill", "line"])
        return {
            "places": self.rng.randrange(5) if self.has(0.2) else None,
            "mode": self.pick(["half_up", "half_up", "half_even", "up", "down"]),
            "stage": stage,
            "tax": self.pick(["total", "line"]) if stage == "line" else "total",
        }

    def keys(self):
        names = ["a", "b"][: self.rng.randrange(1, 3)]
        return names + (self.pick(FAMILIES) if self.chance(0.5) else [])

    def entries(self, keys):
        if self.is_even:
            return dict.fromkeys(keys, self.entry())
        return {key: self.entry() for key in keys}

    def entry(self):
        each = self.pick([["z"], ["z"], ["y", "z"], ["z", "y"]]) if self.has(0.25) else None
        return {"price": self.price(2), "each": each}

    def terms(self, keys):
        least, most = sorted([self.pick(FEES), self.pick([*FEES, "40", "150"])], key=Fraction)
        if self.chance(0.1):
            least = most = "0"  # a limit of nothing is a limit
        return {
            "fees": [self.fee() for _ in range(self.up_to(2))],
            "discounts": [self.discount(keys) for _ in range(self.up_to(3))],
            "minimum": least if self.has(0.25) else None,
            "maximum": most if self.has(0.25) else None,
            "taxes": [self.tax(keys) for _ in range(self.up_to(3))],
        }

    def fee(self):
        due = self.pick(["advance", "arrears"])
        fee = {"amount": self.pick(FEES), "due": due, "prorated": self.chance(0.7), "cycle": None}
        if self.later.random() < 0.15:
            anchor = str(self.first + timedelta(days=self.later.choice([-400, -40, -3, 0, 0, 5])))
            unit = self.later.choice(["week", "month", "year"])
            fee["cycle"] = {"unit": unit, "every": self.later.choice([1, 1, 2]), "anchor": anchor}
        return fee

    def discount(self, keys):
        if self.chance(0.5):
            return {"unit": "percent", "value": self.pick(PERCENTS), "on": self.scope(keys)}
        return {"unit": "fixed", "value": self.pick(CREDITS), "on": self.scope(keys)}

    def tax(self, keys):
        return {"percent": self.pick(PERCENTS), "inclusive": self.chance(0.4), "on": self.scope(keys)}

    def scope(self, keys):
        return self.scope_of(keys) if self.has(0.5) else None

    def scope_of(self, keys):
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
        cycle = {"unit": unit, "every": self.pick([1, 1, 2]), "anchor": anchor}
        if self.later.random() < 0.15:  # weeks in 4-4-5, or lengths without any order
            weeks = [self.later.choice([4, 4, 5]) if self.later.random() < 0.9 else 1 for _ in range(40)]
            ends = [date(2024, 12, 1) + timedelta(days=7 * sum(weeks[:k])) for k in range(41)]
            cycle |= {"unit": "listed", "every": 1, "anchor": str(ends[0])}
            cycle["boundaries"] = [str(end) for end in ends]
        return cycle

    # times

    def day(self):
        """A day near the first one, and often the same: what happens on the day of an end is what counts."""
        return self.first + timedelta(days=self.pick(DAYS))

    def text(self, day, *, exactly=True):
        if self.clock == "day":
            return str(day)
        hour = 0 if exactly else self.rng.randrange(24)
        return f"{day}T{hour:02}:00:00Z"

    def span(self, longest):
        start = self.day()
        length = self.pick([1, 5, 10, 18, 21, longest])
        return [self.text(start), self.text(start + timedelta(days=length))]

    def starts(self, plan, grants):
        """The days on which periods start; none where nothing needs a date."""
        is_dated = any(grant["starts"] or grant["expires"] for grant in grants)
        is_dated = is_dated or any(fee["cycle"] for fee in plan["fees"]) or plan["commitment"]
        if not (is_dated or plan["cycle"] or plan["trial"] or self.chance(0.3)):
            return [None]
        return [self.first + timedelta(days=31 * i) for i in range(self.pick([1, 1, 2, 3]))]

    def money(self, plan, start):
        """What a period is billed in, where it is another currency than the plan's: credit of that waits."""
        is_other = start not in (None, self.first) and self.chance(0.2)
        others = sorted({*CURRENCIES} - {plan["currency"]})
        # what was met of a commitment is in the plan's currency
        return {"currency": self.pick(others) if is_other and plan["commitment"] is None else None}

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
        """When each bill is made, mostly in order, for usage may come late; None where nobody says."""
        if bounds is None or self.chance(0.3 if self.is_dated else 0.8):
            return [None] * count
        start = date.fromisoformat(bounds[0][:10])
        days = [self.pick(DAYS) for _ in range(count)]
        if self.chance(0.7):
            days.sort()
        every = self.chance(0.7)
        return [self.text(start + timedelta(days=n)) if every or self.chance(0.5) else None for n in days]

    # customers

    def grant(self, plan):
        self.grants_made += 1
        keys = list(plan["entries"])
        starts, expires = self.span(40) if self.is_dated else [None, None]
        return {
            "id": f"{self.pick('abc')}{self.grants_made}",
            "amount": self.pick(CREDITS),
            "currency": self.pick([plan["currency"], plan["units"]]),
            "starts": starts if self.chance(0.6) else None,
            "expires": expires if self.chance(0.6) else None,
            "priority": self.rng.randrange(-1, 2),
            "kind": self.pick(["paid", "promotional", "promotional"]),
            "on": self.scope(keys) if self.chance(0.5) else self.scope_of(keys),
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
        count = self.pick([3 if self.is_dated else 1, 1, 1, 2, 2, 3, 4, self.rng.randrange(1, 21)])
        parts = [{} for _ in range(count)]
        same = self.pick(QUANTITIES) if self.is_even else None
        for meter in self.meters(plan):
            if self.chance(0.85):
                self.strew(meter, parts, Fraction(same or self.pick(QUANTITIES)) * self.pick([1, 1, 1, 2]))
        steps = [
            {"usage": part, "less": {}, "at": at, "keep": self.pick(KEEPS), "edit": self.rng.randrange(10**6)}
            for part, at in zip(parts, self.moments(bounds, count), strict=True)
        ]
        if self.has(0.2):
            self.correct(steps)
        for step in steps:
            step["grants"] = [self.top_up(plan, bounds)] if self.has(0.1) and steps[0] is not step else []
        return {"bounds": bounds, "steps": steps}

    def top_up(self, plan, bounds):
        """A grant that comes between two bills; it may have begun, or ended, before those that were made."""
        always = {"starts": None, "expires": None}
        return self.grant(plan) | (always if bounds is None or self.chance(0.5) else {})

    def strew(self, meter, parts, total):
        """A quantity cut into parts, most of them of whole tenths."""
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
