"""Contracts at random, as plain data: a plan of `stories`, its amendments, and usage by day.

A seed makes a contract, and the same seed makes the same one in every process.
"""

from datetime import date, timedelta
from random import Random

from tests.oracle import oracle
from tests.oracle.stories import Story

FIRST = date(2024, 3, 1)
KINDS = ("fees", "discounts", "taxes")


class ContractStory(Story):
    """Draws a contract of up to four versions by amendments, and more by dated terms."""

    def __init__(self, seed):
        super().__init__(seed)
        self.clock = "day"
        self.more = Random(f"{seed} terms")

    def told(self, *, most=3):
        plan = self.first_plan()
        start = FIRST if not plan["cycle"] or plan["cycle"]["anchor"] == 1 else date(2024, 3, 15)
        bounds = oracle.billing_period(plan["cycle"], start) if plan["cycle"] else (start, date(2024, 3, 31))
        self.first, self.length = bounds[0], (bounds[1] - bounds[0]).days
        amendments, used = self.amendments(plan, most), self.usage_by_day(plan)
        end = self.end() if self.later.random() < 0.15 else None
        if end is not None:
            amendments = [change for change in amendments if change["at"] < end]
            used = {day: usage for day, usage in used.items() if day < end}
        contract = {
            "plan": plan,
            "amendments": amendments,
            "end": end,
            "end_fees": self.later.choice(["prorated", "from_next"]),
        }
        plans = [plan, *(change["plan"] for change in amendments)]
        return {
            "contract": contract,
            "period": [str(bound) for bound in bounds],
            "used": used,
            "levels": self.more_terms(plans),
        }

    def more_terms(self, plans):
        """Draw terms that plans may have beside; and the levels, by day, that some of them read."""
        rng, keys = self.more, list(plans[0]["entries"])
        if plans[0]["trial"] and rng.random() < 0.5 and not any(plan["prorate_included"] for plan in plans):
            for plan in plans:
                plan["trial_on"] = ["fee", "usage"]
        if rng.random() < 0.4:
            scopes = [None, ["usage"], ["fee"], [rng.choice(keys)], ["fee", rng.choice(keys)]]
            taxed = {part for plan in plans for tax in plan["taxes"] for part in tax["on"] or ()}
            # a true-up is taxed like its scope, so that no tax may hold a part of that
            whole = scopes[:4] if taxed <= {"usage", "fee", "minimum"} else [None, ["fee"]]
            most, least = rng.choice(scopes), rng.choice(whole)
            for plan in plans:
                plan |= {"maximum_on": most, "minimum_on": least}
        for plan in plans:
            if rng.random() < 0.2:
                plan["markup"] = rng.choice(["20", "7.5", "0"])
            if rng.random() < 0.2:
                day = self.first + timedelta(days=rng.randrange(1, self.length))
                later = {key: {**plan["entries"][key], "price": self.simple_price()} for key in keys}
                plan["book"] = [["2024-01-01", plan["entries"]], [str(day), later]]
        if rng.random() < 0.7:
            return {}
        price = self.simple_price()
        for plan in plans:
            price = price if rng.random() < 0.6 else self.simple_price()
            fee = {"price": price, "amount": None, "name": "L", "due": "advance", "prorated": True}
            plan["fees"] = [*plan["fees"], fee | {"starts": None, "ends": None}]
        days = [0, *sorted(rng.sample(range(1, self.length), rng.randrange(4)))]
        return {str(self.first + timedelta(days=day)): str(rng.randrange(12)) for day in days}

    def simple_price(self):
        """A price by the unit, or by tiers, of the terms that came later."""
        rng = self.more
        if rng.random() < 0.5:
            return ["per_unit", rng.choice(["0.1", "1", "2.5", "0.335"]), "1"]
        tiers = [
            (str(rng.randrange(2, 9)), rng.choice("123"), "0"),
            (None, rng.choice("012"), rng.choice("05")),
        ]
        rows = [
            {"up_to": end, "rate": rate, "fee": fee, "per": None, "round": "none"} for end, rate, fee in tiers
        ]
        return [rng.choice(["graduated", "volume"]), rows, "1", False]

    def end(self):
        """The day on which the contract ends, within the period."""
        return str(self.first + timedelta(days=self.later.randrange(2, self.length)))

    def any_day(self, least=0):
        return str(self.first + timedelta(days=self.rng.randrange(least, self.length)))

    def first_plan(self):
        plan = self.named(self.plan())
        while plan["proration"] != "day":
            plan = self.named(self.plan())
        cycle = plan["cycle"] and {"unit": "month", "every": 1, "anchor": self.pick([1, 15])}
        trial = ["2024-03-01", f"2024-03-{self.rng.randrange(2, 31):02}"] if self.chance(0.3) else None
        return plan | {"cycle": cycle, "trial": trial}

    def named(self, plan):
        """Terms with few names, so that they meet from version to version, and some with dates."""
        names = dict(zip(KINDS, ("FGH", "AB", "ST"), strict=True))
        return plan | {
            kind: [{**term, "name": self.pick(names[kind]), **self.dates(kind)} for term in plan[kind]]
            for kind in KINDS
        }

    def dates(self, kind):
        starts, ends = sorted(f"2024-03-{self.rng.randrange(2, 31):02}" for _ in range(2))
        dated = self.chance(0.15) and starts < ends
        more = {"prorated": self.chance(0.7)} if kind == "discounts" else {}
        return {"starts": starts if dated else None, "ends": ends if dated else None, **more}

    def amendments(self, plan, most):
        found, before = {}, plan
        for _ in range(self.rng.randrange(most + 1)):
            at, before = self.any_day(least=1), self.next_plan(plan, before)
            found[at] = {
                "at": at,
                "plan": before,
                "fees": self.pick(["prorated", "prorated", "from_start", "from_next"]),
                "tiers": self.pick(["continue", "continue", "restart"]),
            }
        changes = [found[at] for at in sorted(found)]
        plans = [plan, *(change["plan"] for change in changes)]
        if any(fee["starts"] for each in plans for fee in each["fees"]):
            changes = [change | {"fees": "prorated"} for change in changes]  # no fee is put off and dated
        return changes

    def next_plan(self, first, before):
        """Other terms for the meters of the first plan, in its currency, cycle and rounding."""
        other, keys = self.named(self.plan()), first["entries"]
        kept = {kind: (before if self.chance(0.5) else other)[kind] for kind in KINDS}
        limits = other if self.chance(0.5) else before
        plan = first | kept | {"minimum": limits["minimum"], "maximum": limits["maximum"]}
        for kind in ("discounts", "taxes"):
            plan[kind] = [{**term, "on": self.within(term["on"], keys)} for term in plan[kind]]
        plan["entries"] = {key: self.next_entry(keys[key], before["entries"][key]) for key in keys}
        plan["included"] = first["included"] if self.chance(0.6) else dict.fromkeys(keys, "3")
        if first["token_price"] is not None and self.chance(0.4):
            plan["token_price"] = self.price(1)
        return plan

    def next_entry(self, first, before):
        return {"price": self.price(2), "each": first["each"]} if self.chance(0.4) else before

    def within(self, scope, keys):
        """A scope of a plan with other meters, read for these."""
        if scope is None:
            return None
        return [part for part in scope if part in ("usage", "fee", "minimum") or part in keys] or None

    def usage_by_day(self, plan):
        used = {}
        for meter in self.meters(plan):
            for _ in range(self.rng.randrange(3)):
                quantity = str(self.rng.randrange(40)) if self.chance(0.9) else "2.5"
                used.setdefault(self.any_day(), {})[meter] = quantity
        return used
