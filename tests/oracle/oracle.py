"""What a bill comes to, written a second time from the rules alone: plain Fractions, no code of the package.

A plan is a dict of plain data, as `simulator` draws it: numbers are texts, a price is a list of its
name and its arguments. A `State` is what a customer carries; `billed` is one bill. It is slow and
short: every bill rates all usage of its period anew, and what the bill before came to is remembered.
"""

import re
from bisect import bisect_right
from calendar import monthrange
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from fractions import Fraction
from functools import cache
from math import ceil, floor

ZERO, ONE, HALF = Fraction(0), Fraction(1), Fraction(1, 2)


class Refused(Exception):
    """The balance does not cover a bill with usage, and the plan refuses what is not covered."""

    def __init__(self, short):
        super().__init__(short)
        self.short = short


class ForeignCredit(Exception):
    """Credit in a currency that the plan does not know."""


class BelowZero(Exception):
    """A correction takes off more than was used."""


# --- numbers ---------------------------------------------------------------------------------------------


def whole(x, direction):
    """A quantity or an amount in whole units; halves go away from zero, or to the even number."""
    if direction == "none":
        return x
    sign, size = (-1 if x < 0 else 1), abs(x)
    down = floor(size)
    if direction == "up":
        return Fraction(sign * ceil(size))
    is_up = size - down > HALF or (
        size - down == HALF and (direction == "half_up" or (direction == "half_even" and down % 2))
    )
    return Fraction(sign * (down + (direction != "down" and is_up)))


@dataclass(frozen=True)
class Unit:
    """The smallest amount of a currency, and how amounts are brought to it."""

    size: Fraction
    mode: str

    def rounded(self, x):
        return whole(x / self.size, self.mode) * self.size

    def floored(self, x):
        return floor(x / self.size) * self.size

    def cut(self, amounts):
        """Whole units for each amount: the differences of the rounded running sum."""
        running, before, parts = ZERO, ZERO, []
        for amount in amounts:
            running += amount
            parts.append(self.rounded(running) - before)
            before += parts[-1]
        return parts

    def shared(self, amount, weights):
        """*amount*, of whole units, by largest remainder; ties by position."""
        units, whole_weight = amount / self.size, total(weights)
        exact = [units * weight / whole_weight for weight in weights]
        parts = [floor(share) for share in exact]
        order = sorted(range(len(exact)), key=lambda i: (parts[i] - exact[i], i))
        for i in order[: int(units - total(parts))]:
            parts[i] += 1
        return [part * self.size for part in parts]


class Exactly(Unit):
    """No unit at all: every amount stays as it is. What a grant offers is in whole units all the same."""

    def rounded(self, x):
        return x

    def shared(self, amount, weights):
        return [amount * weight / total(weights) for weight in weights]


def total(amounts):
    """A sum that is a Fraction even of nothing: an int divided by an int would be a float."""
    return sum(amounts, ZERO)


# --- prices ----------------------------------------------------------------------------------------------


def price_of(price, q):
    """What the first *q* units cost."""
    name, *given = price
    return PRICES[name](q, *given)


def per_unit(q, rate, per):
    return q * Fraction(rate) / Fraction(per)


def flat(q, amount, at_zero):
    return Fraction(amount) if q > 0 or at_zero else ZERO


def package(q, size, fee, direction):
    return whole(q / Fraction(size), direction) * Fraction(fee)


def in_tier(units, tier, per):
    return whole(units / Fraction(tier["per"] or per), tier["round"]) * Fraction(tier["rate"])


def graduated(q, tiers, per, fee_at_zero):
    cost, low = ZERO, ZERO
    for i, tier in enumerate(tiers):
        high = q if tier["up_to"] is None else min(q, Fraction(tier["up_to"]))
        if q > low or (i == 0 and fee_at_zero):
            cost += Fraction(tier["fee"]) + in_tier(high - low, tier, per)
        low = high
    return cost


def volume(q, tiers, per, fee_at_zero):
    tier = next(t for t in tiers if t["up_to"] is None or q <= Fraction(t["up_to"]))
    return in_tier(q, tier, per) + (Fraction(tier["fee"]) if q > 0 or fee_at_zero else 0)


PRICES = {
    "per_unit": per_unit,
    "flat": flat,
    "package": package,
    "graduated": graduated,
    "volume": volume,
    "sum": lambda q, *prices: total(price_of(price, q) for price in prices),
    "scaled": lambda q, price, factor: price_of(price, q) * Fraction(factor),
    "after": lambda q, price, units: price_of(price, max(ZERO, q - Fraction(units))),
    "capped": lambda q, price, most: min(price_of(price, q), Fraction(most)),
    "at_least": lambda q, price, least: max(price_of(price, q), Fraction(least)),
    "in_units": lambda q, price, of, times, direction: price_of(
        price, whole(q * Fraction(times) / Fraction(of), direction)
    ),
    "then": lambda q, price, curve: price_of(curve, price_of(price, q)),
}


# --- meters and scopes -----------------------------------------------------------------------------------


@cache
def read(meter):
    """Name and labels of a meter in canonical text."""
    name, _, labels = meter.partition("{")
    return name, dict(re.findall(r"(\w+)=(\w+)", labels))


def written(name, labels):
    inner = ",".join(f"{label}={labels[label]}" for label in sorted(labels))
    return f"{name}{{{inner}}}" if inner else name


def has(meter, pattern):
    """Whether a meter has the name and all labels of a pattern."""
    (name, labels), (wanted, needed) = read(meter), read(pattern)
    return name == wanted and needed.items() <= labels.items()


def entry_of(meter, entries):
    """The most specific entry: of those that match, the one whose labels contain all others'."""
    return max((key for key in entries if has(meter, key)), key=lambda key: len(read(key)[1]))


def in_scope(on, kind, meter):
    return on is None or any(part == kind or (meter is not None and has(meter, part)) for part in on)


# --- time ------------------------------------------------------------------------------------------------


def day_of(text):
    return date.fromisoformat(text[:10])


def seconds_of(text):
    return Fraction(int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()))


def anchor_of(cycle):
    anchor = cycle["anchor"]
    return date(1970, 1, anchor) if isinstance(anchor, int) else date.fromisoformat(anchor)


DAYS, MONTHS = {"day": 1, "week": 7}, {"month": 1, "quarter": 3, "year": 12}


def boundary(cycle, k):
    """The start of billing period *k*, counted from the anchor; a day past a month's end is its last."""
    anchor, unit = anchor_of(cycle), cycle["unit"]
    if unit in DAYS:
        return anchor + timedelta(days=k * DAYS[unit] * cycle["every"])
    year, month = divmod(anchor.year * 12 + anchor.month - 1 + k * MONTHS[unit] * cycle["every"], 12)
    return date(year, month + 1, min(anchor.day, monthrange(year, month + 1)[1]))


def billing_period(cycle, start):
    """First day and end of the billing period that holds a day: one of the few around a guess."""
    if cycle["unit"] == "listed":
        ends = [date.fromisoformat(end) for end in cycle["boundaries"]]
        at = bisect_right(ends, start)
        return ends[at - 1], ends[at]
    anchor, unit = anchor_of(cycle), cycle["unit"]
    if unit in DAYS:
        guess = (start - anchor).days // (DAYS[unit] * cycle["every"])
    else:
        months = (start.year - anchor.year) * 12 + start.month - anchor.month
        guess = months // (MONTHS[unit] * cycle["every"])
    ends = [boundary(cycle, k) for k in range(guess - 1, guess + 3)]
    at = bisect_right(ends, start)
    return ends[at - 1], ends[at]


def length(period, by):
    start, end = period
    if by == "second":
        return seconds_of(end) - seconds_of(start)
    return Fraction((day_of(end) - day_of(start)).days)


def share_of(plan, period, part=None):
    """What part of its billing period a service period is, or a part of the service period."""
    if period is None or (plan["cycle"] is None and part is None):
        return ONE
    if plan["cycle"] is None:
        return length(part, plan["proration"]) / length(period, plan["proration"])
    first, end = billing_period(plan["cycle"], day_of(period[0]))
    days = [f"{first}T00:00:00Z", f"{end}T00:00:00Z"]
    return length(part or period, plan["proration"]) / length(days, plan["proration"])


def trial_share(plan, period):
    """What part of its billing period the service period spends in the trial."""
    if not plan["trial"] or period is None:
        return ZERO
    trial = trial_of(plan, period)
    common = [max(period[0], trial[0]), min(period[1], trial[1])]
    return share_of(plan, period, common) if common[0] < common[1] else ZERO


# --- charges ---------------------------------------------------------------------------------------------


@dataclass
class Charge:
    """One charge of a period so far: what it is, and what is left of it after each stage."""

    key: tuple
    kind: str
    meter: str | None
    exact: Fraction
    units: Fraction = ZERO
    drawn: Fraction = ZERO

    def lies_in(self, on):
        return in_scope(on, self.kind, self.meter)


def groups_of(plan, used):
    """Quantities by entry and values of its group; one without groups is billed though nothing is used."""
    groups = {(key, ()): ZERO for key, entry in plan["entries"].items() if not entry["each"]}
    for meter, quantity in used.items():
        key = entry_of(meter, plan["entries"])
        labels = read(meter)[1]
        group = (key, tuple(labels.get(label, "") for label in plan["entries"][key]["each"] or ()))
        groups[group] = groups.get(group, ZERO) + quantity
    return sorted(groups.items())


def meter_of(plan, key, group):
    """The meter of a group: the labels of its entry, and those that group it."""
    name, labels = read(key)
    own = zip(plan["entries"][key]["each"] or (), group, strict=True)
    return written(name, labels | {label: value for label, value in own if value})


def usage_charges(plan, used, share):
    """What usage comes to by the schedule, in the schedule's units: entries by key, groups by key."""
    for (key, group), quantity in groups_of(plan, used):
        free = Fraction(plan["included"].get(key, 0)) * (share if plan["prorate_included"] else 1)
        amount = price_of(plan["entries"][key]["price"], max(ZERO, quantity - free))
        yield Charge(("usage", key, group), "usage", meter_of(plan, key, group), amount)


def own_parts(plan, fee, period):
    """What is owed of each own period of a fee that begins in a service period, in arrears ends in it."""
    is_instant = "T" in period[0]
    first, _ = billing_period(fee["cycle"], day_of(period[0]))
    while str(first) <= period[1][:10]:
        end = billing_period(fee["cycle"], first)[1]
        own = [f"{day}T00:00:00Z" if is_instant else str(day) for day in (first, end)]
        starts = period[0] <= own[0] < period[1]
        ends = period[0] < own[1] <= period[1]
        if (starts if fee["due"] == "advance" else ends) and first >= anchor_of(fee["cycle"]):
            trial = trial_of(plan, period) or own[:1] * 2
            free = [max(own[0], trial[0]), min(own[1], trial[1])]
            lost = length(free, plan["proration"]) if free[0] < free[1] else ZERO
            part = 1 - lost / length(own, plan["proration"])
            yield part if fee["prorated"] else Fraction(bool(part))
        first = end


def trial_of(plan, period):
    """First moment and end of a trial, as the service period writes times."""
    trial = plan["trial"]
    if isinstance(trial, int):
        first = anchor_of(plan["cycle"])
        trial = [str(first), str(first + timedelta(days=trial))]
        trial = [f"{day}T00:00:00Z" if "T" in period[0] else day for day in trial]
    return trial


def fee_charges(plan, period, final, share):
    free = trial_share(plan, period)
    for i, fee in enumerate(plan["fees"]):
        if fee.get("cycle"):
            due = total(own_parts(plan, fee, period))
            if due and (final or fee["due"] == "advance"):
                yield Charge(("fee", i), "fee", None, Fraction(fee["amount"]) * due)
        elif final or fee["due"] == "advance":
            part = share - free if fee["prorated"] else (ZERO if free and free == share else ONE)
            yield Charge(("fee", i), "fee", None, Fraction(fee["amount"]) * part)


# --- credit ----------------------------------------------------------------------------------------------


def moment(text):
    return seconds_of(text) if "T" in text else Fraction(day_of(text).toordinal())


def usable(grant, at, period):
    starts, expires = grant["starts"], grant["expires"]
    if starts is None and expires is None:
        return True
    if at is not None:
        begun = starts is None or moment(starts) <= moment(at)
        return begun and (expires is None or moment(at) < moment(expires))
    end = moment(period[1])
    return (starts is None or moment(starts) < end) and (expires is None or end <= moment(expires))


def rank(grant, offer, order):
    """A place in the order of drawing."""
    never, always = (1, ZERO), (0, ZERO)
    keys = {
        "priority": grant["priority"],
        "expires": (0, moment(grant["expires"])) if grant["expires"] else never,
        "starts": (1, moment(grant["starts"])) if grant["starts"] else always,
        "created": (0, moment(grant["created"])) if grant["created"] else never,
        "larger": -offer,
        "promotional": grant["kind"] != "promotional",
        "scoped": grant["on"] is None,
        "id": grant["id"],
    }
    return [keys[key] for key in order]


CASH_BACK = ""
"""The credit balance among the grants."""


def offers_of(state, sort, plan, at, period):
    """Grants of a sort that can pay and how much, in order: what they drew in this period is offered anew.

    Those that have ended come first and offer nothing else; the credit balance comes before all paid ones.
    """
    found = []
    for grant in state.grants:
        if sort_of(grant, plan) == sort:
            is_usable = usable(grant, at, period)
            again = total(state.draws.get(grant["id"], {}).values())
            offer = again + (state.left[grant["id"]] if is_usable else ZERO)
            found.append((is_usable, rank(grant, offer, state.order), grant["id"], grant["on"], offer))
    found.sort(key=lambda item: item[:2])
    offers = [(*item[2:], not item[0]) for item in found]
    if sort == "paid":
        again = total(state.draws.get(CASH_BACK, {}).values())
        offers.insert(0, (CASH_BACK, None, again + max(ZERO, state.credit), False))
    return offers


def sort_of(grant, plan):
    if grant["currency"] == plan["currency"]:
        return grant["kind"]
    return "tokens" if grant["currency"] == plan["units"] else "foreign"


def earlier_of(state, sort, plan):
    """What grants of a sort drew in this period so far, by grant and charge."""
    ids = {grant["id"] for grant in state.grants if sort_of(grant, plan) == sort}
    return {
        id: state.draws[id] for id in ids | ({CASH_BACK} if sort == "paid" else set()) if id in state.draws
    }


def fill(charges, offers, unit, before, earlier):
    """Draw on grants in their order, each filling the open charges of its scope in theirs.

    Of each charge they pay no more than all of them paid before and what it grew. What falls away of one may
    pay another, from a grant that had paid: one that came later pays nothing that was there before it.
    Those that have ended pay what they paid before any other pays.
    """
    paid, now = {}, {charge.key: charge.units for charge in charges}
    for parts in earlier.values():
        for key, amount in parts.items():
            paid[key] = paid.get(key, ZERO) + amount
    free = total(max(ZERO, amount - now.get(key, ZERO)) for key, amount in paid.items())
    most = {key: paid.get(key, ZERO) + max(ZERO, units - before.get(key, ZERO)) for key, units in now.items()}
    drawn = {}
    for id, _, _, has_ended in offers:
        if has_ended:
            keep(id, charges, earlier.get(id, {}), drawn)
    for id, on, offer, _ in offers:
        left, moved = unit.floored(offer), total(earlier.get(id, {}).values())
        left -= total(drawn.get(id, {}).values())
        for charge in charges:
            own = most[charge.key] - charge.drawn
            part = min(charge.units - charge.drawn, left, max(own, ZERO) + min(free, moved))
            if part > 0 and charge.lies_in(on):
                beyond = max(ZERO, part - max(own, ZERO))
                charge.drawn += part
                left, free, moved = left - part, free - beyond, moved - beyond
                parts = drawn.setdefault(id, {})
                parts[charge.key] = parts.get(charge.key, ZERO) + part
    return drawn


def keep(id, charges, own, drawn):
    """What a grant goes on paying of each charge, before it pays others."""
    parts = {
        charge.key: max(ZERO, min(own.get(charge.key, ZERO), charge.units - charge.drawn))
        for charge in charges
    }
    for charge in charges:
        charge.drawn += parts[charge.key]
    if kept := {key: part for key, part in parts.items() if part}:
        drawn[id] = kept


def stand(charges, earlier):
    """Leave draws as they are: what the earlier bills of a period drew."""
    for charge in charges:
        charge.drawn += total(parts.get(charge.key, ZERO) for parts in earlier.values())
    return earlier


# --- the stages ------------------------------------------------------------------------------------------


@dataclass
class Period:
    """What a period has come to so far."""

    total: Fraction = ZERO
    exact: Fraction = ZERO
    met: Fraction = ZERO
    tokens: dict = field(default_factory=dict)
    money: dict = field(default_factory=dict)
    gross: dict = field(default_factory=dict)
    draws: dict = field(default_factory=dict)
    scopes: dict = field(default_factory=dict)
    lines: dict = field(default_factory=dict)


@dataclass
class State:
    """All that a customer carries, and what the oracle remembers of the open period.

    ``credit`` is the customer's above zero, and owed below; ``draws`` are by grant and charge.
    """

    grants: list
    order: list
    left: dict
    credit: Fraction = ZERO
    currency: str | None = None
    used: dict = field(default_factory=dict)
    draws: dict = field(default_factory=dict)
    before: Period = field(default_factory=Period)
    is_open: bool = False
    met: tuple | None = None  # the first day of the term of a commitment, and what was met in it


@dataclass
class Work:
    """A bill in the making; *stands* where the draws of earlier bills are not worked out anew."""

    plan: dict
    state: State
    period: list | None
    at: str | None
    unit: Unit
    token: Unit
    share: Fraction
    stands: bool = False
    draws: dict = field(default_factory=dict)

    def pay(self, sort, charges, before):
        """What credit of a sort pays of these charges."""
        earlier = earlier_of(self.state, sort, self.plan)
        if self.stands:
            drawn = stand(charges, earlier)
        else:
            offers = offers_of(self.state, sort, self.plan, self.at, self.period)
            drawn = fill(charges, offers, self.token if sort == "tokens" else self.unit, before, earlier)
        self.draws |= drawn

    @property
    def is_by_line(self):
        return self.plan["rounding"]["stage"] == "line"

    def settled(self, x):
        """An amount as it enters a stage: in whole units at stage "line"."""
        return self.unit.rounded(x) if self.is_by_line else x

    def of_share(self, amount):
        return self.settled(Fraction(amount) * self.share)

    def spread(self, amount, weights):
        if not total(weights):
            return [ZERO for _ in weights]
        if self.is_by_line:
            return self.unit.shared(amount, weights)
        return [amount * weight / total(weights) for weight in weights]


def pay_tokens(work, charges, before):
    """Tokens settled and drawn; what is left becomes money by the token price, spread over its charges."""
    exact = [charge.exact for charge in charges]
    units = [work.token.rounded(x) for x in exact] if work.is_by_line else work.token.cut(exact)
    for charge, part in zip(charges, units, strict=True):
        charge.units = part
    tokens = {charge.key: charge.units for charge in charges}
    work.pay("tokens", charges, before.tokens)
    rest = [max(ZERO, charge.units - charge.drawn) for charge in charges]
    money = work.settled(price_of(work.plan["token_price"], total(rest)))
    for charge, part in zip(charges, work.spread(money, rest), strict=True):
        charge.exact, charge.units, charge.drawn = part, ZERO, ZERO
    if not total(rest) and money:
        charges.append(Charge(("tokens",), "usage", None, money))
    return tokens


def priced(work, used, final, before):
    """Fees as given, then entries; with the tokens that were settled."""
    fees = list(fee_charges(work.plan, work.period, final, work.share))
    usage, tokens = list(usage_charges(work.plan, used, work.share)), {}
    charges = fees + usage
    if work.plan["token_price"] is not None:
        # fees in tokens are paid like usage, in the order of the lines
        burned = [fee for fee in fees if work.plan["fees"][fee.key[1]].get("in_tokens")] + usage
        known = len(burned)
        tokens = pay_tokens(work, burned, before)
        charges += burned[known:]
    for charge in charges:
        charge.exact = work.settled(charge.exact)
    return charges, tokens


def discount(work, charges, rule):
    within = [charge for charge in charges if charge.lies_in(rule["on"])]
    if rule["unit"] == "percent":
        for charge in within:
            charge.exact -= work.settled(charge.exact * Fraction(rule["value"]) / 100)
        return
    take_off(work, within, work.of_share(rule["value"]))


def take_off(work, charges, amount):
    """Spread an amount over charges, at most what they are."""
    amounts = [charge.exact for charge in charges]
    for charge, part in zip(charges, work.spread(min(amount, total(amounts)), amounts), strict=True):
        charge.exact -= part


def limit(work, charges, final):
    """The maximum, and on the last bill the minimum; returned is what it lifts."""
    net = total(charge.exact for charge in charges)
    if work.plan["maximum"] is not None:
        most = work.of_share(work.plan["maximum"])
        take_off(work, charges, max(ZERO, net - most))
        net = min(net, most)
    if final and work.plan["minimum"] is not None:
        # what a trial takes off the fees it takes off the minimum too
        owed = work.share - trial_share(work.plan, work.period)
        lift = work.settled(Fraction(work.plan["minimum"]) * owed) - net
        if lift > 0:
            charges.append(Charge(("minimum",), "minimum", None, lift))
            return lift
    return ZERO


def commit(work, charges, final):
    """What a commitment adds: a factor on what goes beyond it, and what it lacks when its term ends.

    Returned are both together, and what the period comes to of the term.
    """
    rule = work.plan.get("commitment")
    if rule is None or day_of(work.period[0]) < anchor_of(rule["cycle"]):
        return ZERO, ZERO
    first, end = billing_period(rule["cycle"], day_of(work.period[0]))
    known = work.state.met if work.state else None
    met = known[1] if known and known[0] == first else ZERO
    own, most = total(charge.exact for charge in charges), work.settled(Fraction(rule["amount"]))
    beyond = max(ZERO, met + own - most) - max(ZERO, met - most)
    added = [work.settled(beyond * (Fraction(rule["overage"]) - 1))]
    if final and rule["true_up"] == "end" and day_of(work.period[1]) == end:
        added.append(max(ZERO, most - met - own))
    for i, amount in enumerate(added):
        if amount:
            charges.append(Charge(("commitment", i), "minimum", None, amount))
    return total(added), own


def give(work, charges, before):
    """Promotional credit: whole units, before taxes."""
    for charge, part in zip(charges, work.unit.cut([charge.exact for charge in charges]), strict=True):
        charge.units = part
    work.pay("promotional", charges, before.money)
    return total(charge.drawn for charge in charges)


def taxes_of(work, charges):
    """Each tax: its rule, what it comes to, and what of it falls to each charge that it is on."""
    taxes = work.plan["taxes"]
    for tax in taxes:
        within, bases = [], []
        for charge in charges:
            if charge.lies_in(tax["on"]):
                rates = [Fraction(t["percent"]) for t in taxes if t["inclusive"] and charge.lies_in(t["on"])]
                within.append(charge)
                net = charge.exact - charge.drawn
                # whole units may have been drawn of what is less to the last digit
                net = max(ZERO, net) if work.stands else net
                bases.append(net / (1 + total(rates) / 100))
        rate = Fraction(tax["percent"]) / 100
        positive = [max(ZERO, base) for base in bases]
        if work.plan["rounding"]["tax"] == "line":
            parts = [work.unit.rounded(base * rate) for base in positive]
            amount = total(parts)
        else:
            amount = work.unit.rounded(max(ZERO, total(bases)) * rate)
            parts = work.unit.shared(amount, positive) if amount else [ZERO for _ in bases]
        yield tax, amount, {charge.key: part for charge, part in zip(within, parts, strict=True)}


def in_coins(work, amount):
    """A total in steps of the smallest coin, tax and all."""
    step = work.plan["rounding"].get("step")
    if step is None or isinstance(work.unit, Exactly):
        return amount
    return Unit(Fraction(step), work.unit.mode).rounded(amount)


def with_coins(gross, change):
    """What is due of each charge: the last ones that are due bear what coins add or take off."""
    for key in reversed(gross):
        if change and gross[key]:
            was, gross[key] = gross[key], max(ZERO, gross[key] + change)
            change -= gross[key] - was
    return gross


def rated(work, used, final, before):
    """All of a period so far, stage by stage."""
    charges, tokens = priced(work, used, final, before)
    lines = {(charge.kind, charge.meter, charge.key): charge.exact for charge in charges}
    for rule in work.plan["discounts"]:
        discount(work, charges, rule)
    discounted = total(charge.exact for charge in charges)
    lifted = limit(work, charges, final)
    kept, own = commit(work, charges, final)
    lifted += kept
    net = total(charge.exact for charge in charges)
    given = give(work, charges, before)
    gross = {charge.key: max(ZERO, charge.units - charge.drawn) for charge in charges}
    added = ZERO
    for tax, amount, parts in taxes_of(work, charges):
        if not tax["inclusive"]:
            added += amount
            gross |= {key: gross[key] + part for key, part in parts.items()}
    changes = {"discount": discounted - total(lines.values()), "maximum": net - lifted - discounted}
    changes |= {"minimum": lifted, "credit": -given, "tax": added}
    owed = work.unit.rounded(net) - given + added
    gross = with_coins(gross, in_coins(work, owed) - owed)
    return Period(
        total=in_coins(work, owed),
        exact=net - given + added,
        tokens=tokens,
        money={charge.key: charge.units for charge in charges},
        gross=gross,
        met=work.unit.rounded(own),
        draws=work.draws,
        scopes={charge.key: (charge.kind, charge.meter) for charge in charges},
        lines=lines | {(kind, None, None): amount for kind, amount in changes.items()},
    )


def paid_in_money(work, now, before):
    """What paid credit and the credit balance pay of the whole period, taxes included."""
    charges = [Charge(key, *now.scopes[key], ZERO, part) for key, part in now.gross.items()]
    earlier = earlier_of(work.state, "paid", work.plan)
    offers = offers_of(work.state, "paid", work.plan, work.at, work.period)
    covered, left = {}, owed_before(work.plan, work.state)
    for i, (id, on, offer, has_ended) in enumerate(offers):
        # a grant without scope covers what is owed with what it has not drawn yet
        new = offer - total(earlier.get(id, {}).values())
        more = min(left, work.unit.floored(new)) if on is None else ZERO
        covered[id] = earlier.get(id, {}).get(OWED, ZERO) + more
        left -= more
        offers[i] = (id, on, offer - covered[id], has_ended)
    own = {id: {key: part for key, part in parts.items() if key != OWED} for id, parts in earlier.items()}
    drawn = fill(charges, offers, work.unit, before.gross, own)
    for id, amount in covered.items():
        if amount:
            drawn.setdefault(id, {})[OWED] = amount
    return drawn


OWED = ("owed",)
"""What was owed before, among charges."""


def owed_before(plan, state):
    return max(ZERO, -state.credit) if plan["overage"] == "owe" else ZERO


def is_carried(plan, due):
    """Whether nothing is due, and the account owes it."""
    least = plan.get("least_due")
    return plan["overage"] == "owe" or (least is not None and due < Fraction(least))


def lacking(plan, state, used, final, asked, due):
    """What credit does not cover of a bill, to the last digit; at least what is due, in whole units."""
    work = work_of(plan, state, *asked, exactly=True)
    past = Period()
    if state.is_open:
        past = rated(replace(work, stands=True, draws={}), state.used, False, Period())
        past.total = total(past.gross.values())
        # what rounding left out of a bill was never charged, so that any credit may pay it now
        past.tokens, past.money, past.gross = (
            {key: min(amount, billed.get(key, ZERO)) for key, amount in exact.items()}
            for exact, billed in [
                (past.tokens, state.before.tokens),
                (past.money, state.before.money),
                (past.gross, state.before.gross),
            ]
        )
    now = rated(work, used, final, past)
    grown = total(now.gross.values()) - max(past.total, state.before.total)
    paid = sum_of(paid_in_money(work, now, past)) - sum_of(earlier_of(state, "paid", plan))
    return ceil(max(ZERO, grown - paid, due) / work.unit.size) * work.unit.size


def sum_of(draws):
    return total(amount for parts in draws.values() for amount in parts.values())


# --- bills -----------------------------------------------------------------------------------------------


@dataclass
class Answer:
    """What one bill says."""

    total: Fraction
    exact: Fraction
    due: Fraction
    draws: dict
    accrued: Fraction
    lines: dict


def added(used, more, sign=1):
    names = {**used, **more}
    sums = {name: used.get(name, ZERO) + sign * more.get(name, ZERO) for name in names}
    return {name: quantity for name, quantity in sums.items() if quantity}


def quantities(usage):
    return {meter: Fraction(quantity) for meter, quantity in usage.items()}


def work_of(plan, state, period, at, *, exactly=False):
    places = plan["rounding"]["places"]
    places = plan["places"] if places is None else places
    make, mode = Exactly if exactly else Unit, plan["rounding"]["mode"]
    unit, token = make(Fraction(1, 10**places), mode), make(Fraction(1, 10 ** plan["unit_places"]), mode)
    return Work(plan, state, period, at, unit, token, share_of(plan, period))


def billed(plan, state, usage, *, period=None, final=True, at=None, reversal=None):
    """One bill: its answer, and the state after."""
    used = added(added(state.used, quantities(usage)), quantities(reversal or {}), -1)
    if any(quantity < 0 for quantity in used.values()):
        raise BelowZero
    check_currencies(plan, state)
    work = work_of(plan, state, period, at)
    now = rated(work, used, final, state.before)
    draws = now.draws | paid_in_money(work, now, state.before)
    # cash pays what credit does not; a negative rest of it is the customer's, who owes what was owed before
    change = now.total - state.before.total
    before = earlier_of(state, "paid", plan)
    cash = change - sum_of({id: draws[id] for id in draws if id not in now.draws}) + sum_of(before)
    credit = state.credit - total(draws.get(CASH_BACK, {}).values())
    credit += total(state.draws.get(CASH_BACK, {}).values())
    due = max(ZERO, cash - min(ZERO, credit))
    due = ZERO if is_carried(plan, due) else due
    if plan["overage"] == "refuse" and any(quantities(usage).values()):
        short = lacking(plan, state, used, final, (period, at), due)
        if short > 0:
            raise Refused(short)
    ids = {grant["id"] for grant in state.grants}
    changes = {id: sum_of({id: draws.get(id, {})}) - sum_of({id: state.draws.get(id, {})}) for id in ids}
    left = {id: amount - changes[id] for id, amount in state.left.items()}
    credit += due - cash
    after = replace(state, left=left, credit=credit, currency=plan["currency"])
    going_on = replace(after, used=used, draws=draws, before=now, is_open=True)
    after = replace(closed(after, period, at), met=met_after(plan, state, period, now)) if final else going_on
    exact, lines = now.exact - state.before.exact, added(now.lines, state.before.lines, -1)
    drawn = {id: amount for id, amount in changes.items() if amount}
    return Answer(change, exact, due, drawn, after.before.total, lines), after


def met_after(plan, state, period, now):
    """What is met of a term that goes on after a period."""
    rule = plan.get("commitment")
    if rule is None or day_of(period[0]) < anchor_of(rule["cycle"]):
        return None
    first, end = billing_period(rule["cycle"], day_of(period[0]))
    before = state.met[1] if state.met and state.met[0] == first else ZERO
    return None if day_of(period[1]) == end else (first, before + now.met)


def check_currencies(plan, state):
    """Yen pay no dollars, in a grant or in what a bill gave back."""
    if any(sort_of(grant, plan) == "foreign" for grant in state.grants):
        raise ForeignCredit
    if state.credit and state.currency not in (None, plan["currency"]):
        raise ForeignCredit


def across(grant, period):
    """Whether a grant is usable on both sides of the end of a period."""
    if grant["starts"] is None and grant["expires"] is None:
        return True
    end = moment(period[1])
    begun = grant["starts"] is None or moment(grant["starts"]) < end
    return begun and (grant["expires"] is None or end < moment(grant["expires"]))


def closed(state, period, at):
    """The state after a period that ends: grants roll over, and what is spent or over leaves it."""
    left = dict(state.left)
    for grant in state.grants:
        if grant["rollover"] is not None and across(grant, period):
            least, most = grant["rollover"]
            rest = max(Fraction(least), left[grant["id"]])
            left[grant["id"]] = rest if most is None else min(Fraction(most), rest)
    grants = [grant for grant in state.grants if left[grant["id"]] and not is_over(grant, period, at)]
    left = {grant["id"]: left[grant["id"]] for grant in grants}
    return State(grants, state.order, left, state.credit, state.currency)


def is_over(grant, period, at):
    """Whether a grant had ended before the period began: it leaves, as one that is used up does."""
    begun = period[0] if period else at
    return grant["expires"] is not None and begun is not None and moment(grant["expires"]) <= moment(begun)


ORDER = ["priority", "expires", "starts", "id"]


def opened(grants, order, credit):
    """A customer before any bill."""
    return topped_up(State([], order or ORDER, {}, Fraction(credit)), grants)


def topped_up(state, grants):
    left = state.left | {grant["id"]: Fraction(grant["amount"]) for grant in grants}
    return replace(state, grants=[*state.grants, *grants], left=left)


def credited(state, before, after, paid, credited):
    """The state after a credit note: no more than was paid, less what was credited on it before."""
    credit = before - after
    if paid is not None:
        credit = max(ZERO, min(credit, Fraction(paid) - Fraction(credited)))
    return replace(state, credit=state.credit + credit)
