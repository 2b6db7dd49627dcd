"""Contracts at random, as plain data: a plan of `stories`, its amendments, and usage by day.

A seed makes a contract, and the same seed makes the same one in every process.
"""

from datetime import date, timedelta
from random import Random

from tests.oracle import oracle
from tests.oracle.stories import Story

FIRST = date(2024, 3, 1)
KINDS = ("fees", "discounts", "taxes")
OTHER_TERMS = ("rhythms", "shares", "allowances", "taxes_beside", "commitments", "trials")
"""What stories tell of terms that came last, a method each."""


class ContractStory(Story):
    """Draws a contract of up to four versions by amendments, and more by dated terms."""

    def __init__(self, seed):
        super().__init__(seed)
        self.clock = "day"
        self.more = Random(f"{seed} terms")
        self.other = Random(f"{seed} other terms")  # what came later moves no older choice

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
        levels = self.more_terms(plans)
        for terms in OTHER_TERMS:
            if self.other.random() < 0.25:
                getattr(self, terms)(plans, levels)
        return {
            "contract": contract,
            "period": [str(bound) for bound in bounds],
            "used": used,
            "levels": levels,
        }

    def rhythms(self, plans, _):
        """Fees with periods of their own, and fees in tokens where there are tokens."""
        rng, day = (
            self.other,
            str(self.first + timedelta(days=self.other.choice([-400, -40, -3, 0, 0, 5, 12]))),
        )
        cycle = {"unit": rng.choice(["week", "month", "year"]), "every": rng.choice([1, 1, 2]), "anchor": day}
        kinds = [kind for kind in ("own", "tokens") if rng.random() < 0.7]
        for kind in kinds:
            fee = self.other_fee(None)
            for plan in plans:
                fee = fee if rng.random() < 0.6 else self.other_fee(fee["due"])
                more = {"name": "R", "cycle": cycle} if kind == "own" else {"name": "K", "in_tokens": True}
                if rng.random() < 0.8 and (kind == "own" or plan["token_price"] is not None):
                    at = rng.randrange(len(plan["fees"]) + 1)
                    plan["fees"] = [*plan["fees"][:at], fee | more, *plan["fees"][at:]]

    def other_fee(self, due):
        rng = self.other
        fee = {"amount": rng.choice(["1", "7", "10.005", "99"]), "prorated": rng.random() < 0.7}
        return fee | {"due": due or rng.choice(["advance", "arrears"]), "starts": None, "ends": None}

    def shares(self, plans, _):
        """A fee that is a share of what usage comes to, and at least something."""
        rng = self.other
        if plans[0]["token_price"] is not None:
            return
        fee = self.share_of_usage(plans)
        for plan in plans:
            fee = fee if rng.random() < 0.6 else self.share_of_usage(plans)
            if rng.random() < 0.8:
                plan["fees"] = [*plan["fees"], fee]

    def share_of_usage(self, plans):
        rng = self.other
        return {
            "name": "care",
            "amount": None,
            "reads": rng.choice(["usage", rng.choice(list(plans[0]["entries"]))]),
            "least": rng.choice("0025"),
            "percent": rng.choice(["10", "3.3"]),
            "due": "advance",
            "prorated": True,
            "starts": None,
            "ends": None,
        }

    def allowances(self, plans, levels):
        """One number of free units for several entries, and free units that read a meter or a level."""
        rng, keys = self.other, [key for key, entry in plans[0]["entries"].items() if not entry["each"]]
        keys = [key for key in keys if all(not plan["entries"][key]["each"] for plan in plans)]
        reads = None
        if keys and rng.random() < 0.5:
            entry = keys.pop(rng.randrange(len(keys)))
            others = [key for key in plans[0]["entries"] if not oracle.has(entry, key)]
            if others or levels:
                reads = {"entry": entry, "of": rng.choice([*others, *(["seats"] if levels else [])])}
        pool = keys[:2] if len(keys) > 1 else None
        units, price = "6", self.simple_price()
        for plan in plans:
            units = units if rng.random() < 0.6 else str(rng.randrange(12))
            price = price if rng.random() < 0.6 else self.simple_price()
            taken = [*(pool or ()), *([reads["entry"]] if reads else ())]
            plan["included"] = {key: free for key, free in plan["included"].items() if key not in taken}
            plan["pool"] = {"entries": pool, "units": units} if pool and rng.random() < 0.8 else None
            plan["reads"] = reads | {"price": price} if reads and rng.random() < 0.8 else None

    def taxes_beside(self, plans, _):
        """A tax on each unit, one on other taxes, and a reason not to be taxed."""
        rng, kinds = self.other, [kind for kind in ("unit", "after", "none") if self.other.random() < 0.5]
        key = rng.choice(list(plans[0]["entries"]))
        for plan in plans:
            names = list(dict.fromkeys(tax["name"] for tax in plan["taxes"]))
            bare = {"percent": "0", "inclusive": False, "on": None, "starts": None, "ends": None}
            if "unit" in kinds and rng.random() < 0.8:
                levy = {"name": "levy", "unit": rng.choice(["0.01", "0.335"]), "on": [key]}
                plan["taxes"], names = [bare | levy, *plan["taxes"]], ["levy", *names]
            if "after" in kinds and names and rng.random() < 0.8:
                after = rng.sample(names, rng.randrange(1, len(names) + 1))
                inside = all(tax["inclusive"] for tax in plan["taxes"] if tax["name"] in after)
                on = rng.choice([None, None, ["usage"], ["fee"]])
                city = {"name": "city", "percent": "2", "after": after, "on": on}
                city["inclusive"] = inside and rng.random() < 0.5
                plan["taxes"] = [*plan["taxes"], bare | city]
            if "none" in kinds and rng.random() < 0.8:
                reason = {"name": "reverse charge", "category": "AE", "on": rng.choice([["usage"], ["fee"]])}
                plan["taxes"] = [*plan["taxes"], bare | reason]

    def trials(self, plans, _):
        """A trial of so many days, or one that covers fees, or usage, alone."""
        rng = self.other
        on = rng.choice([["fee"], ["usage"], ["fee", "usage"]])
        days = rng.randrange(1, 40) if plans[0]["cycle"] and rng.random() < 0.5 else None
        for plan in plans:
            if days is not None:
                plan |= {"trial": days, "cycle": plan["cycle"] | {"anchor": str(self.first)}}
            if plan["trial"] and not any(each["prorate_included"] for each in plans):
                plan["trial_on"] = on

    def commitments(self, plans, _):
        """A commitment over a term of the period alone, or of several."""
        rng, first = self.other, self.first
        units = ["year"]
        if plans[0]["cycle"]:
            units += ["month", "month", "quarter"]
        taxed = {part for plan in plans for tax in plan["taxes"] for part in tax["on"] or ()}
        rule = {
            "cycle": {"unit": rng.choice(units), "every": 1, "anchor": str(first)},
            "true_up": rng.choice(["end", "end", "never"]),
            "overage": rng.choice(["1", "1.5", "2"]),
            "on": rng.choice([None, None, ["usage"], ["fee"]])
            if taxed <= {"usage", "fee", "minimum"}
            else None,
        }
        amount = "20.01"
        for plan in plans:
            amount = amount if rng.random() < 0.5 else rng.choice(["1", "5", "99", "200"])
            plan["commitment"] = rule | {"amount": amount}

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
        # fees in tokens, rhythms and commitments are drawn apart, below
        plan["fees"] = [{**fee, "cycle": None, "in_tokens": False} for fee in plan["fees"]]
        plan["commitment"] = None
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
