"""What a period comes to under terms that read levels, other usage and scopes, written again from the page.

A plan is a dict, and a period some days of a month of thirty. Nothing is shared with the package: a level is
looked at day by day, an allowance is taken off entry by entry, and a tax is worked out charge by charge.
"""

from fractions import Fraction
from math import floor

DAYS = 30
ENTRIES = "abc"


def total(amounts):
    return sum(amounts, Fraction(0))


def price_of(tiers, q):
    """A graduated price: tiers as pairs of an upper end and a rate; of steps, the fee of the one reached."""
    if tiers[0] == "stairs":
        fees = (Fraction(fee) for end, fee in tiers[1:] if q <= end)
        return next(fees, Fraction(tiers[-1][1])) if q else Fraction(0)
    amount, low = Fraction(0), Fraction(0)
    for end, rate in tiers:
        high = q if end is None else min(q, Fraction(end))
        amount += max(high - low, 0) * Fraction(rate)
        low = max(low, high)
    return amount


def level_on(changes, day):
    """How many there are on a day."""
    held = [amount for since, amount in changes if since <= day]
    return Fraction(held[-1]) if held else Fraction(0)


class Reckoning:
    """One period: its days, usage and levels, under a plan."""

    def __init__(self, plan, first, used, levels):
        self.plan, self.first, self.levels = plan, first, levels
        self.used = {entry: Fraction(used.get(entry, 0)) for entry in ENTRIES}
        self.share = Fraction(DAYS + 1 - first, DAYS)
        self.charges = []

    def days(self):
        return range(self.first, DAYS + 1)

    def by_level(self, tiers, name):
        """Sum of share × price(level), a day at a time."""
        return total(price_of(tiers, level_on(self.levels[name], day)) / DAYS for day in self.days())

    def read(self, amount):
        """An amount, for what it reads; and whether a part of a period still has to be taken of it."""
        if not isinstance(amount, tuple):
            return Fraction(amount), True
        tiers, name = amount
        if name == "seats":
            return self.by_level(tiers, name), False
        if isinstance(tiers, list):
            return price_of(tiers, self.used[name]), False
        least, tenths = tiers
        usage = total(self.listed[entry] for entry in ENTRIES if name in ("usage", entry))
        return max(Fraction(least), usage * Fraction(tenths, 10)), False

    def free(self):
        """Free units of each entry: those of a pool in the order of the entries."""
        free = dict.fromkeys(ENTRIES, Fraction(0))
        part = self.share if self.plan["prorate_included"] else Fraction(1)
        for entries, units in self.plan["included"].items():
            if isinstance(units, tuple) and units[1] == "seats":
                left = self.by_level(*units) / (1 if self.plan["prorate_included"] else self.share)
            else:
                amount, is_part = self.read(units)
                left = amount * part if is_part else amount
            for entry in entries:
                free[entry] = left
                left = max(left - self.used[entry], Fraction(0))
        return free

    def price(self):
        """Fees, then entries, each with its kind, its name and what it comes to."""
        free = self.free()
        self.listed = {
            entry: price_of(self.plan["prices"][entry], max(self.used[entry] - free[entry], 0))
            for entry in ENTRIES
        }
        for name, amount in self.plan["fees"].items():
            found, is_part = self.read(amount)
            self.charges.append([("fee", name), found * self.share if is_part else found])
        for entry in ENTRIES:
            if self.used[entry]:
                self.charges.append([("usage", entry), self.listed[entry]])

    def limit_of(self, limit):
        amount, on, prorated = limit
        if isinstance(amount, tuple) and amount[1] == "seats" and not prorated:
            # what is not prorated is the largest that it was, once
            tiers, name = amount
            return max(price_of(tiers, level_on(self.levels[name], day)) for day in self.days()), on
        found, is_part = self.read(amount)
        return (found * self.share if is_part and prorated else found), on

    def settle(self):
        for percent, on in self.plan["discounts"]:
            for charge in self.charges:
                if holds(on, charge[0]):
                    charge[1] *= 1 - Fraction(percent, 100)
        for limit in self.plan["maxima"]:
            most, on = self.limit_of(limit)
            inside = [charge for charge in self.charges if holds(on, charge[0])]
            whole = total(amount for _, amount in inside)
            for charge in inside if whole > most else ():
                charge[1] *= most / whole
        for limit in self.plan["minima"]:
            least, on = self.limit_of(limit)
            whole = total(amount for key, amount in self.charges if holds(on, key))
            if whole < least:
                self.charges.append([("minimum", on), least - whole])

    def taxes(self):
        """Each tax, rounded once: what its charges come to, with the taxes that it comes after."""
        taxes, inclusive = [], self.plan["inclusive"]
        for key, amount in self.charges:
            parts = {}
            contained = total(Fraction(tax["percent"], 100) for tax in inclusive if holds(tax["on"], key))
            net = amount / (1 + contained)
            for tax in self.plan["taxes"]:
                if not holds(tax["on"], key):
                    continue
                if "unit" in tax:
                    # what lifts an entry to its minimum has no units
                    units = self.used[key[1]] if key[0] == "usage" else 0
                    parts[tax["name"]] = units * Fraction(tax["unit"])
                else:
                    base = net + total(parts.get(name, Fraction(0)) for name in tax["after"])
                    parts[tax["name"]] = base * Fraction(tax["percent"], 100)
            taxes.append(parts)
        sums = [total(parts.get(tax["name"], Fraction(0)) for parts in taxes) for tax in self.plan["taxes"]]
        return [cents(amount) for amount in sums]


def holds(on, key):
    """Whether a scope of one part holds a charge; a true-up is held by what holds all that it lifts."""
    kind, name = key
    if on is None:
        return True
    if kind == "minimum":
        return on == "minimum" or (name is not None and holds_part(on, name))
    return holds_part(on, name if kind == "usage" else f"fee:{name}")


def holds_part(on, part):
    if on == part:
        return True
    return on == "usage" if part in ENTRIES else on == "fee" and part.startswith("fee:")


def cents(amount):
    """Rounded half up."""
    return Fraction(floor(amount * 100 + Fraction(1, 2)), 100)


def owed(plan, first, used, levels):
    """The total of a final bill without credit."""
    reckoning = Reckoning(plan, first, used, levels)
    reckoning.price()
    reckoning.settle()
    net = cents(total(amount for _, amount in reckoning.charges))
    return net + total(reckoning.taxes())
