"""Contracts of the oracle: what is charged, item by item.

An item is one charge over neighbouring versions that agree in everything that concerns it.
"""

from dataclasses import dataclass
from fractions import Fraction

from tests.oracle import oracle
from tests.oracle.contract_versions import plan_on, trial_in
from tests.oracle.oracle import ONE, ZERO, Charge, day_of, in_scope, length, price_of, total


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
