"""What a period comes to whose terms change while it runs, written a second time from the rules alone.

As `oracle` does it for one plan.
A contract is a dict: a plan and its amendments, each with its day, its plan, and what it does to fees and
tiers. An item is one charge over neighbouring versions that agree in everything that concerns it.
"""

from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

from tests.oracle import oracle
from tests.oracle.oracle import (
    ONE,
    ZERO,
    Charge,
    Unit,
    day_of,
    in_scope,
    length,
    price_of,
    share_of,
    total,
    trial_share,
)


@dataclass
class Version:
    """A stretch of the period under one plan, and the usage that is dated in it."""

    plan: dict
    share: Fraction
    free: Fraction
    used: dict
    restart: bool = False
    fees: list = field(default_factory=list)
    rest: Fraction = ZERO
    level: Fraction = ZERO
    is_tried: bool = False
    part: tuple = ()  # its first day, and the first that is no longer in it


@dataclass
class Item(Charge):
    """A charge, or its part over neighbouring versions; it belongs to the first of these."""

    version: int = 0
    is_due: bool = True
    lifts: tuple | None = None  # what a true-up is for: it is taxed like that
    used: Fraction = ZERO  # units, free ones included
    in_tokens: bool = False

    def lies_in(self, on):
        if self.kind == "minimum" and self.lifts is not None and on is not None:
            return "minimum" in on or all(covers_part(on, part) for part in self.lifts)
        return super().lies_in(on)


def covers_part(on, part):
    """Whether a scope holds all that one part of another one holds."""
    if part in ("fee", "usage"):
        return part in on
    return in_scope(on, "usage", part)


# --- versions --------------------------------------------------------------------------------------------


def dated(plan, day):
    """A plan with the terms that hold on a day."""

    def holds(term):
        return (term.get("starts") or day) <= day < (term.get("ends") or "9999")

    kept = {
        kind: [{**term, "starts": None, "ends": None} for term in plan[kind] if holds(term)]
        for kind in ("fees", "discounts", "taxes")
    }
    books = [entries for start, entries in plan.get("book") or () if start <= day]
    return plan | kept | ({"entries": books[-1]} if books else {})


def dates_of(plan, levels):
    """The days on which something changes within a plan."""
    tried = trial_in(plan) if covers_usage(plan) else ()
    terms = [*plan["fees"], *plan["discounts"], *plan["taxes"]]
    starts = [start for start, _ in plan.get("book") or ()]
    dated_terms = filter(None, (term.get(end) for term in terms for end in ("starts", "ends")))
    return [*starts, *tried, *(levels or ()), *dated_terms]


def covers_usage(plan):
    return "usage" in (plan.get("trial_on") or ())


def trial_in(plan):
    """First day of a trial, and the first after it."""
    return oracle.trial_of(plan, ["", ""])


def fees_of(plan):
    """The fees that are due once a billing period."""
    return [fee for fee in plan["fees"] if not fee.get("cycle")]


def versions_of(contract, period, used, levels=None):
    """The versions of a period; *used* is usage by day, or a dict of usage that stands for its first day."""
    start, end = period
    if contract.get("end"):
        end = min(end, contract["end"])
    changes = [{"at": start, "plan": contract["plan"], "fees": "prorated", "tiers": "continue"}]
    for change in sorted(contract.get("amendments", ()), key=lambda change: change["at"]):
        if change["at"] <= start:
            changes = [change | {"at": start}]
        elif change["at"] < end:
            changes.append(change)
    cuts = []
    for i, change in enumerate(changes):
        last = changes[i + 1]["at"] if i + 1 < len(changes) else end
        inner = sorted({day for day in dates_of(change["plan"], levels) if change["at"] < day < last})
        cuts += [(day, change, not k and i > 0) for k, day in enumerate([change["at"], *inner])]
    versions = []
    for i, (day, change, amends) in enumerate(cuts):
        last = cuts[i + 1][0] if i + 1 < len(cuts) else end
        plan, part = dated(change["plan"], day), [day, last]
        mine = [usage for at, usage in used.items() if (day <= at or not i) and (at < last or last == end)]
        sums = {}
        for usage in mine:
            sums = oracle.added(sums, oracle.quantities(usage))
        whole = share_of(plan, period)
        share = whole * length(part, plan["proration"]) / length(period, plan["proration"])
        restart = amends and change["tiers"] == "restart"
        free = trial_of(plan, period, part)
        level = [number for since, number in sorted((levels or {}).items()) if since <= day]
        tried = covers_usage(plan) and trial_in(plan)[0] <= day < trial_in(plan)[1]
        # a trial uses no allowance up: all begins when it is over
        restart = restart or (bool(versions) and versions[-1].is_tried != tried)
        versions.append(
            Version(
                plan,
                share,
                free,
                sums,
                restart,
                fees_of(plan),
                level=Fraction((level or ["0"])[-1]),
                is_tried=tried,
                part=(day, last),
            )
        )
        if amends:
            take_over_fees(versions, change["fees"])
        elif i and fees_of(versions[-2].plan) == fees_of(versions[-1].plan):
            versions[-1].fees = versions[-2].fees
    if contract.get("end") and contract["end"] < period[1] and contract.get("end_fees") == "from_next":
        keep_fees(versions, share_of(versions[-1].plan, period) - total(v.share for v in versions))
    return versions


def trial_of(plan, period, part):
    """What part of the billing period a version spends in its plan's trial."""
    if "fee" not in (plan.get("trial_on") or ("fee",)):
        return ZERO
    free = trial_share(plan, part)
    if plan["cycle"] is None and free:
        return free * length(part, plan["proration"]) / length(period, plan["proration"])
    return free


def take_over_fees(versions, how):
    """The fees that hold in each version, after an amendment."""
    before, now = versions[-2], versions[-1]
    if fees_of(now.plan) == fees_of(before.plan) or how == "from_next":
        now.fees = before.fees
    elif how == "from_start":
        for version in versions:
            version.fees = now.fees


def keep_fees(versions, rest):
    """Fees that go on to the end of the period, though the contract does not: no other terms of theirs."""
    versions[-1].rest = rest


# --- items -----------------------------------------------------------------------------------------------


def concern(version, kind, meter):
    """All that decides on an item, beside its own amount."""
    plan = version.plan
    lifts = plan.get("minimum_on") if kind == "minimum" else None
    charge = Item((kind,), kind, meter, ZERO, lifts=lifts)
    terms = [term for term in (*plan["discounts"], *plan["taxes"]) if charge.lies_in(term["on"])]
    return terms, plan["token_price"], plan["maximum"] is None or not charge.lies_in(plan.get("maximum_on"))


def runs(indices, alike):
    """Neighbouring indices put together while *alike* says that they agree."""
    found = []
    for i in indices:
        if found and found[-1][-1] == i - 1 and alike(found[-1][-1], i):
            found[-1].append(i)
        else:
            found.append([i])
    return found


def telescoped(pieces):
    """Amounts of which none is below 0: what one falls short lowers those before it, the latest first."""
    amounts = []
    for amount in pieces:
        lack = min(amount, ZERO)
        amounts.append(max(amount, ZERO))
        for k in range(len(amounts) - 2, -1, -1):
            part = min(amounts[k], -lack)
            amounts[k], lack = amounts[k] - part, lack + part
    return amounts


def segments(indices, versions):
    """The stretches in which tiers go on."""
    found = []
    for i in indices:
        between = versions[found[-1][-1] + 1 : i + 1] if found else ()
        if found and not any(version.restart for version in between):
            found[-1].append(i)
        else:
            found.append([i])
    return found


def curve_amounts(groups, amount_of, used):
    """What each run of versions adds to a quantity that goes on: *amount_of* is the curve of a version."""
    before, pieces = ZERO, []
    for k, group in enumerate(groups):
        after = before + total(used[i] for i in group)
        curve = amount_of(group[0])
        pieces.append(curve(after) - (curve(before) if k else ZERO))
        before = after
    return telescoped(pieces)


def usage_items(versions):
    """Entries by key, groups by key, and the items of each in the order of the versions."""
    raw = [dict(oracle.groups_of(version.plan, version.used)) for version in versions]
    quantities = [{} if version.is_tried else each for version, each in zip(versions, raw, strict=True)]
    for key, group in sorted(set().union(*raw)):
        entries = [version.plan["entries"].get(key) for version in versions]
        priced = [i for i, entry in enumerate(entries) if entry and bool(entry["each"]) == bool(group)]
        meter = oracle.meter_of(versions[priced[0]].plan, key, group)
        yield from tried_items(versions, priced, (key, group), meter, raw)
        having = [i for i in priced if not versions[i].is_tried]
        used = {i: quantities[i].get((key, group), ZERO) for i in having}
        # a group that was used in its trial alone owes nothing after it
        if not any((key, group) in each for each in quantities):
            continue
        for segment in segments(having, versions):
            free = free_units(versions, segment, (key, group), quantities, raw)

            def alike(one, other, entries=entries, free=free, meter=meter):
                same = entries[one]["price"] == entries[other]["price"] and free[one] == free[other]
                same = same and marked_up(versions[one]) == marked_up(versions[other])
                return same and told_alike(versions[one], versions[other], meter)

            def amount_of(i, entries=entries, free=free):
                factor = marked_up(versions[i])
                return lambda q: price_of(entries[i]["price"], max(ZERO, q - free[i])) * factor

            groups = runs(segment, alike)
            for run, amount in zip(groups, curve_amounts(groups, amount_of, used), strict=True):
                units = total(used[i] for i in run)
                yield Item(("usage", key, group), "usage", meter, amount, version=run[0], used=units)


def marked_up(version):
    """What a mark-up multiplies prices by; one of 0 % is none."""
    return 1 + Fraction(version.plan.get("markup") or 0) / 100


def tried_items(versions, priced, line, meter, raw):
    """What a trial covers costs nothing, and is used all the same."""

    def alike(one, other):
        return told_alike(versions[one], versions[other], meter)

    tried = [i for i in priced if versions[i].is_tried]
    for run in (run for segment in segments(tried, versions) for run in runs(segment, alike)):
        used = [raw[i][line] for i in run if line in raw[i]]
        if used:
            yield Item(("usage", *line), "usage", meter, ZERO, version=run[0], used=total(used))


def told_alike(one, other, meter):
    """Whether the same concerns a meter in two versions, and in what reads it."""
    same = readers(one, meter) == readers(other, meter)
    return same and concern(one, "usage", meter) == concern(other, "usage", meter)


def readers(version, meter):
    """The fees that read what a meter comes to, with what concerns them: where one changes, a part ends."""
    reading = [fee for fee in version.fees if "reads" in fee and in_scope([fee["reads"]], "usage", meter)]
    return reading, reading and concern(version, "fee", None)


def free_units(versions, segment, line, quantities, raw):
    """The free units of a line in each version of a stretch: its own, what a pool left, or what it reads."""
    key, _ = line
    free = allowances(versions, segment, lambda version: version.plan["included"].get(key, 0))
    around = around_of(versions, segment)
    every = [versions[k].plan.get("reads") for k in around]
    by_level = next((curve for curve in every if curve and curve["of"] == "seats"), None)
    for i in segment:
        plan = versions[i].plan
        pool, curve = plan.get("pool"), plan.get("reads")
        if not curve and plan["prorate_included"]:
            # what is included for a part of the period is there for all of it, as a fixed number of units is
            curve = by_level
        if pool and key in pool["entries"]:
            # one number for all of its entries, used up in the order of the lines
            whole = allowances(
                versions, around, lambda version: (version.plan.get("pool") or {}).get("units", 0)
            )
            lines = {other for k in around for other in quantities[k]}
            before = [other for other in lines if other[0] in pool["entries"] and other < line]
            free[i] = whole[i] - total(quantities[k].get(other, ZERO) for k in around for other in before)
        elif curve and key == curve["entry"]:
            # what a trial covers uses no allowance up, and was used all the same
            free[i] = what_is_read(versions, i, around, curve, raw)
        free[i] = max(ZERO, free[i])
    return free


def around_of(versions, segment):
    """The versions between which nothing begins anew, those without the entry too."""
    return next(part for part in segments(range(len(versions)), versions) if segment[0] in part)


def what_is_read(versions, i, around, curve, raw):
    """An allowance that reads the usage of another meter so far, or a level by the time that it lasts."""
    if curve["of"] != "seats":
        used = [q for each in raw for (key, _), q in each.items() if oracle.has(key, curve["of"])]
        return price_of(curve["price"], total(used))
    prorated = versions[i].plan["prorate_included"]
    having = [
        k
        for k in around
        if versions[k].plan.get("reads") and versions[k].plan["prorate_included"] == prorated
    ]
    amounts = [price_of(versions[k].plan["reads"]["price"], versions[k].level) for k in having]
    shares = [versions[k].share for k in having]
    whole = total(amount * share for amount, share in zip(amounts, shares, strict=True))
    return whole if prorated else whole / total(shares)


def allowances(versions, segment, units_of):
    """Free units in each version of a stretch: for parts of a period, parts of them."""
    free = {i: Fraction(units_of(versions[i])) for i in segment}
    prorated = [i for i in segment if versions[i].plan["prorate_included"]]
    whole = total(free[i] * versions[i].share for i in prorated)
    return free | dict.fromkeys(prorated, whole)


def value_of(fee, version):
    """The amount of a fee in a version, for a whole period; None where it reads usage."""
    if fee["amount"] is None and "price" not in fee:
        return None
    return price_of(fee["price"], version.level) if "price" in fee else Fraction(fee["amount"])


def by_name(fees, kind):
    """Fees by what tells them apart: the name, and the place among those that have it."""
    names, found = {}, {}
    for fee in fees:
        names[fee["name"]] = names.get(fee["name"], 0) + 1
        found[kind, fee["name"], names[fee["name"]]] = fee
    return found


def fee_items(contract, period, versions, final, usage):
    """Fees as given, in the order in which they first come; what usage comes to is read by some."""
    own = own_parts(contract, period, versions)
    by_version = [by_name(v.fees, "fee") | parts for v, parts in zip(versions, own, strict=True)]
    keys = list(dict.fromkeys(key for mine in by_version for key in mine))
    if any(own):
        given = [fee["name"] for version in versions for fee in version.plan["fees"]]
        keys.sort(key=lambda key: given.index(key[1]) if key[1] in given else len(given))
    for key in keys:
        having = [i for i, mine in enumerate(by_version) if key in mine]
        # of a level a fee is what it comes to there: at two levels that cost the same it is one item
        fees = {
            i: by_version[i][key] | {"price": None, "amount": value_of(by_version[i][key], versions[i])}
            for i in having
        }

        def alike(one, other, fees=fees):
            what = [{name: part for name, part in fees[i].items() if name != "parts"} for i in (one, other)]
            return what[0] == what[1] and concern(versions[one], "fee", None) == concern(
                versions[other], "fee", None
            )

        groups = runs(having, alike)
        for run, amount in zip(groups, amounts_of(groups, fees, versions, usage), strict=True):
            fee = fees[run[0]]
            is_due = final or fee["due"] == "advance"
            tokens = bool(fee.get("in_tokens"))
            yield Item(key, "fee", None, amount, version=run[0], is_due=is_due, in_tokens=tokens)


def amounts_of(groups, fees, versions, usage):
    """What a fee comes to in each run of versions that agree on it."""
    first = fees[groups[0][0]]
    if any("reads" in fee for fee in fees.values()):
        if all(versions[i].free == versions[i].share for i in fees):
            return [ZERO for _ in groups]  # all is free
        # as a price does: what it comes to by now, less what it came to before
        pieces = []
        for k, run in enumerate(groups):
            curve = lambda upto, fee=fees[run[0]]: read_by(fee, usage, upto)  # noqa: E731
            pieces.append(curve(run[-1]) - (curve(run[0] - 1) if k else ZERO))
        return telescoped(pieces)
    if first.get("cycle"):
        return [total(fees[i]["amount"] * fees[i]["parts"] for i in run) for run in groups]
    largest, found = ZERO, []
    for run in groups:
        amount = ZERO
        for i in run:
            version, value = versions[i], fees[i]["amount"]
            if fees[i]["prorated"]:
                amount += value * (version.share - version.free + version.rest)
            elif not version.free or version.free != version.share:
                amount += max(ZERO, value - largest)
                largest = max(largest, value)
        found.append(amount)
    return found


def read_by(fee, usage, upto):
    """A share of what usage comes to in the versions up to one, and at least something."""
    read = [it.exact for it in usage if it.version <= upto and in_scope([fee["reads"]], "usage", it.meter)]
    return max(Fraction(fee["least"]), total(read) * Fraction(fee["percent"]) / 100)


# --- fees with a rhythm of their own ---------------------------------------------------------------------


def plan_on(contract, day):
    """The plan that holds on a day, with the terms that do."""
    found = contract["plan"]
    for change in sorted(contract.get("amendments", ()), key=lambda change: change["at"]):
        if change["at"] <= day:
            found = change["plan"]
    return dated(found, day)


def own_parts(contract, period, versions):
    """The fees with a rhythm of their own that are due in each version, and how many of their periods are.

    The terms of an own period are those of its first day. One in advance is due in the version that holds
    that day, one in arrears in the version that it ends in, or that the contract ends in.
    """
    plans = [contract["plan"], *(change["plan"] for change in contract.get("amendments", ()))]
    cycles = {str(fee["cycle"]): fee["cycle"] for plan in plans for fee in rhythms(plan)}
    # a fee that is not due in a version of its plan goes on through it all the same
    found = [
        [(placed(rhythms(version.plan), k), ZERO) for k in range(len(rhythms(version.plan)))]
        for version in versions
    ]
    for cycle in cycles.values():
        first, end = oracle.billing_period(cycle, day_of(period[0]))
        while str(first) <= period[1]:
            own, agreed = [str(first), str(end)], rhythms(plan_on(contract, str(first)))
            if first >= oracle.anchor_of(cycle):
                for k, fee in enumerate(agreed):
                    if fee["cycle"] == cycle:
                        which = placed(agreed, k)
                        for i, version in enumerate(versions):
                            part = own_part(contract, period, fee, own, version, i == len(versions) - 1)
                            found[i] += [(which, part)] if part else []
            first, end = end, oracle.billing_period(cycle, end)[1]
    return [by_name(summed(parts), "own") for parts in found]


def placed(fees, k):
    """One of several fees, with its place among those that are the same."""
    return fees[k] | {"place": fees[:k].count(fees[k])}


def summed(parts):
    """Each fee once, with how many of its periods are due."""
    fees = []
    for fee, _ in parts:
        if fee not in fees:
            fees.append(fee)
    return [fee | {"parts": total(part for other, part in parts if other == fee)} for fee in fees]


def rhythms(plan):
    return [fee for fee in plan["fees"] if fee.get("cycle")]


def own_part(contract, period, fee, own, version, is_last):
    """What of an own period is due in a version."""
    (begin, stop), until = version.part, own[1]
    if fee["due"] == "advance":
        if not begin <= own[0] < stop:
            return ZERO
    elif is_last and contract.get("end") == stop and own[0] < stop < own[1]:
        # the contract ends within it, and gives the rest back or does not
        until = stop if contract.get("end_fees") != "from_next" else own[1]
    elif not begin < own[1] <= stop:
        return ZERO
    plan = plan_on(contract, own[0])
    lost, whole = ZERO, length(own, "day")
    if plan["trial"] and "fee" in (plan.get("trial_on") or ("fee",)):
        trial = trial_in(plan)
        free = [max(own[0], trial[0]), min(until, trial[1])]
        lost = length(free, "day") if free[0] < free[1] else ZERO
    owed = (length([own[0], until], "day") - lost) / whole
    return owed if fee["prorated"] or not owed else ONE


# --- the stages ------------------------------------------------------------------------------------------


def by_charge(items):
    found = {}
    for item in items:
        found.setdefault(item.key, []).append(item)
    return found.values()


def settle(work, items):
    """At stage "line" a charge is rounded once, and its items are cut from that."""
    if work.is_by_line:
        for mine in by_charge(items):
            for item, part in zip(mine, work.unit.cut([item.exact for item in mine]), strict=True):
                item.exact = part


def numbered(terms, identity):
    """Terms with what tells them apart: what they are, and the place among those that are the same."""
    seen = {}
    for term in terms:
        same = identity(term)
        seen[same] = seen.get(same, 0) + 1
        yield (same, seen[same]), term


def discount_of(rule):
    """A percentage of another value is another discount; a fixed one of one name is one amount."""
    return rule["name"], rule["unit"], rule["value"] if rule["unit"] == "percent" else None


def tax_of(tax):
    after = tuple(tax.get("after") or ())
    return tax["name"], tax["percent"], tax["inclusive"], after, tax.get("unit"), tax.get("category")


def take_discounts(work, items, versions):
    """Each item through the chain of its own version; a discount waits for all versions that have it."""
    steps, chains = {}, []
    for i, version in enumerate(versions):
        chain = []
        for key, rule in numbered(version.plan["discounts"], discount_of):
            chain.append(key)
            steps.setdefault(key, {})[i] = rule
        chains.append(chain)
    while any(chains):
        left = [step for step in steps if any(step in chain for chain in chains)]
        ready = [step for step in left if all(chains[i][0] == step for i in steps[step])]
        step = (ready or left)[0]
        rules = steps[step]
        for i in rules:
            chains[i].remove(step)
        within = [item for item in items if item.version in rules and item.lies_in(rules[item.version]["on"])]
        (_, unit, value), _ = step
        if unit == "percent":
            take_percent(work, within, Fraction(value) / 100)
            continue
        shared = {i: rule for i, rule in rules.items() if rule.get("prorated", True)}
        parts = [Fraction(rule["value"]) * versions[i].share for i, rule in shared.items()]
        once = [Fraction(rule["value"]) for rule in rules.values() if not rule.get("prorated", True)]
        oracle.take_off(work, within, work.settled(total(parts) + max(once, default=ZERO)))


def take_percent(work, items, part):
    """A percentage of each charge; at stage "line" it is rounded once for all items of a charge."""
    for mine in by_charge(items):
        offs = [item.exact * part for item in mine]
        for item, off in zip(mine, work.unit.cut(offs) if work.is_by_line else offs, strict=True):
            item.exact -= off


def hold(work, items, versions):
    """One maximum for the period, on the items of the versions that have one."""
    having = [i for i, version in enumerate(versions) if version.plan["maximum"] is not None]
    if having:
        most = work.settled(total(Fraction(versions[i].plan["maximum"]) * versions[i].share for i in having))
        within = [
            item for item in items if item.version in having and item.lies_in(scope_of(versions, "maximum"))
        ]
        over = total(item.exact for item in within) - most
        oracle.take_off(work, within, max(ZERO, over))


def scope_of(versions, what):
    """The scope of a limit, which is that of all versions of a story."""
    return versions[0].plan.get(f"{what}_on")


def lift(work, items, versions):
    """One minimum for the period, less what a trial takes of it; spread over the versions that have one."""
    having = [i for i, version in enumerate(versions) if version.plan["minimum"] is not None]
    owed = {i: Fraction(versions[i].plan["minimum"]) * (versions[i].share - versions[i].free) for i in having}
    scope = scope_of(versions, "minimum")
    short = work.settled(total(owed.values())) - total(item.exact for item in items if item.lies_in(scope))
    if having and short > 0:

        def alike(one, other):
            return concern(versions[one], "minimum", None) == concern(versions[other], "minimum", None)

        groups = runs(having, alike)
        weights = [total(owed[i] for i in run) for run in groups]
        parts = [short * weight / total(weights) for weight in weights]
        for run, part in zip(groups, work.unit.cut(parts) if work.is_by_line else parts, strict=True):
            items.append(Item(("minimum",), "minimum", None, part, version=run[0], lifts=scope))


def taxes_of(work, items, versions):
    """Each tax, those of one name, percentage and kind together: what it comes to, and of each item."""
    by_key = {}
    for i, version in enumerate(versions):
        for key, tax in numbered(version.plan["taxes"], tax_of):
            by_key.setdefault(key, {})[i] = tax
    bases = {id(item): bases_of(item, versions[item.version].plan) for item in items}
    for key, taxes in by_key.items():
        tax = next(iter(taxes.values()))
        within = [item for item in items if key in bases[id(item)]]
        mine = [bases[id(item)][key] for item in within]
        rate, positive = Fraction(tax["percent"]) / 100, [max(ZERO, base) for base in mine]
        if tax.get("unit"):
            rate, positive = ONE, mine
        if work.plan["rounding"]["tax"] == "line":
            parts = [work.unit.rounded(base * rate) for base in positive]
            amount = total(parts)
        else:
            amount = work.unit.rounded(max(ZERO, total(mine)) * rate)
            parts = work.unit.shared(amount, positive) if amount else [ZERO for _ in mine]
        yield tax["inclusive"], amount, list(zip(within, parts, strict=True))


def bases_of(item, plan):
    """What each tax on an item is on, to the last digit: the net, and the taxes that it comes after.

    Each is so much for each 1 of the net, and so much beside it: a tax per unit has no other part.
    """
    on_net, beside, contained, known = {}, {}, ONE, []
    for key, tax in numbered(plan["taxes"], tax_of):
        if not item.lies_in(tax["on"]):
            continue
        before = [owed for name, owed in known if name in (tax.get("after") or ())]
        if tax.get("unit"):
            on_net[key], beside[key] = ZERO, item.used * Fraction(tax["unit"])
            known.append((tax["name"], (ZERO, beside[key])))
            continue
        rate = Fraction(tax["percent"]) / 100
        on_net[key], beside[key] = 1 + total(of for of, _ in before), total(more for _, more in before)
        known.append((tax["name"], (on_net[key] * rate, beside[key] * rate)))
        contained += on_net[key] * rate if tax["inclusive"] else 0
    net = (item.exact - item.drawn) / contained
    return {key: on_net[key] * net + beside[key] for key in on_net}


def sell_tokens(work, items, versions):
    """Whole tokens as one quantity, at the token price of each stretch of versions, which goes on."""
    token = Unit(Fraction(1, 10 ** work.plan["unit_places"]), work.unit.mode)
    rest = dict(zip(map(id, items), token.cut([item.exact for item in items]), strict=True))
    if work.is_by_line:
        for mine in by_charge(items):
            rest |= dict(zip(map(id, mine), token.cut([item.exact for item in mine]), strict=True))

    def alike(one, other):
        return versions[one].plan["token_price"] == versions[other].plan["token_price"]

    groups = runs(range(len(versions)), alike)
    within = [[item for item in items if item.version in group] for group in groups]
    used = {g[0]: total(rest[id(item)] for item in mine) for g, mine in zip(groups, within, strict=True)}
    firsts = [[group[0]] for group in groups]
    moneys = curve_amounts(firsts, lambda i: lambda q: price_of(versions[i].plan["token_price"], q), used)
    if work.is_by_line:
        moneys = work.unit.cut(moneys)
    for group, mine, money in zip(groups, within, moneys, strict=True):
        weights = [rest[id(item)] for item in mine]
        for item, part in zip(mine, work.spread(money, weights), strict=True):
            item.exact = part
        if not total(weights) and money:
            items.append(Item(("tokens",), "usage", None, money, version=group[0]))


def commit(work, items, versions, contract, period, final):
    """What a commitment over a term adds, of which nothing was met before: the last version's, if it has one.

    Each amount counts for its part of the term, and what an end of the contract cuts off is not owed.
    """
    rule = versions[-1].plan.get("commitment")
    if not rule or day_of(period[0]) < oracle.anchor_of(rule["cycle"]):
        return
    first, until = map(str, oracle.billing_period(rule["cycle"], day_of(period[0])))
    term = [first, until]
    if contract.get("end") and contract.get("end_fees") != "from_next":
        until = min(until, contract["end"])
    changes = sorted(change["at"] for change in contract.get("amendments", ()))
    cuts = [first, *(at for at in changes if first < at < until), until]
    amount = ZERO
    for begin, stop in pairwise(cuts):
        held = plan_on(contract, begin).get("commitment")
        amount += Fraction(held["amount"] if held else 0) * length([begin, stop], "day") / length(term, "day")
    most, scope = work.settled(amount), rule["on"]
    own = total(item.exact for item in items if item.lies_in(scope))
    added = [work.settled(max(ZERO, own - most) * (Fraction(rule["overage"]) - 1))]
    if final and rule["true_up"] == "end" and period[1] >= until:
        added.append(max(ZERO, most - own))
    for i, more in enumerate(added):
        last = len(versions) - 1
        items.append(Item(("commitment", i), "minimum", None, more, version=last, lifts=scope))


def owed(contract, period, used, *, final=True, levels=None):
    """The total of a period without credit; *levels* are how many seats there are, by the day they change."""
    versions = versions_of(contract, period, used, levels)
    work = oracle.work_of(versions[-1].plan, None, period, None)
    usage = list(usage_items(versions))
    fees = list(fee_items(contract, period, versions, final, usage))
    if versions[0].plan["token_price"] is not None:
        # fees in tokens are paid like usage, in the order of the lines
        burned = [fee for fee in fees if fee.in_tokens and fee.is_due] + usage
        count = len(burned)
        sell_tokens(work, burned, versions)
        usage += burned[count:]
    items = [*fees, *usage]
    settle(work, items)
    items = [item for item in items if item.is_due]
    take_discounts(work, items, versions)
    hold(work, items, versions)
    if final:
        lift(work, items, versions)
    commit(work, items, versions, contract, period, final)
    net = total(item.exact for item in items)
    added = total(amount for inclusive, amount, _ in taxes_of(work, items, versions) if not inclusive)
    return oracle.in_coins(work, work.unit.rounded(net) + added)
