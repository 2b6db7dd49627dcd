"""What a period comes to whose terms change while it runs, written a second time from the rules alone.

As `oracle` does it for one plan.
A contract is a dict: a plan and its amendments, each with its day, its plan, and what it does to fees and
tiers. An item is one charge over neighbouring versions that agree in everything that concerns it.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle import oracle
from tests.oracle.oracle import ZERO, Charge, Unit, in_scope, length, price_of, share_of, total, trial_share


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


@dataclass
class Item(Charge):
    """A charge, or its part over neighbouring versions; it belongs to the first of these."""

    version: int = 0
    is_due: bool = True
    lifts: tuple | None = None  # what a true-up is for: it is taxed like that

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
    tried = plan["trial"] if plan.get("trial_on") else ()
    terms = [*plan["fees"], *plan["discounts"], *plan["taxes"]]
    starts = [start for start, _ in plan.get("book") or ()]
    dated_terms = filter(None, (term.get(end) for term in terms for end in ("starts", "ends")))
    return [*starts, *tried, *(levels or ()), *dated_terms]


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
        tried = bool(plan.get("trial_on")) and plan["trial"][0] <= day < plan["trial"][1]
        versions.append(
            Version(
                plan,
                share,
                free,
                sums,
                restart,
                plan["fees"],
                level=Fraction((level or ["0"])[-1]),
                is_tried=tried,
            )
        )
        if amends:
            take_over_fees(versions, change["fees"])
        elif i and versions[-2].plan["fees"] == versions[-1].plan["fees"]:
            versions[-1].fees = versions[-2].fees
    if contract.get("end") and contract["end"] < period[1] and contract.get("end_fees") == "from_next":
        keep_fees(versions, share_of(versions[-1].plan, period) - total(v.share for v in versions))
    return versions


def trial_of(plan, period, part):
    """What part of the billing period a version spends in its plan's trial."""
    free = trial_share(plan, part)
    if plan["cycle"] is None and free:
        return free * length(part, plan["proration"]) / length(period, plan["proration"])
    return free


def take_over_fees(versions, how):
    """The fees that hold in each version, after an amendment."""
    before, now = versions[-2], versions[-1]
    if now.plan["fees"] == before.plan["fees"] or how == "from_next":
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
    quantities = [
        {} if version.is_tried else dict(oracle.groups_of(version.plan, version.used)) for version in versions
    ]
    for key, group in sorted(set().union(*quantities)):
        entries = [version.plan["entries"].get(key) for version in versions]
        having = [
            i
            for i, entry in enumerate(entries)
            if entry and bool(entry["each"]) == bool(group) and not versions[i].is_tried
        ]
        used = {i: quantities[i].get((key, group), ZERO) for i in having}
        meter = oracle.meter_of(versions[having[0]].plan, key, group)
        for segment in segments(having, versions):
            free = allowances(versions, segment, key)

            def alike(one, other, entries=entries, free=free, meter=meter):
                same = entries[one]["price"] == entries[other]["price"] and free[one] == free[other]
                same = same and versions[one].plan.get("markup") == versions[other].plan.get("markup")
                return same and concern(versions[one], "usage", meter) == concern(
                    versions[other], "usage", meter
                )

            def amount_of(i, entries=entries, free=free):
                factor = 1 + Fraction(versions[i].plan.get("markup") or 0) / 100
                return lambda q: price_of(entries[i]["price"], max(ZERO, q - free[i])) * factor

            groups = runs(segment, alike)
            for run, amount in zip(groups, curve_amounts(groups, amount_of, used), strict=True):
                yield Item(("usage", key, group), "usage", meter, amount, version=run[0])


def allowances(versions, segment, key):
    """The free units of an entry in each version of a stretch: for parts of a period, parts of them."""
    free = {i: Fraction(versions[i].plan["included"].get(key, 0)) for i in segment}
    prorated = [i for i in segment if versions[i].plan["prorate_included"]]
    whole = total(free[i] * versions[i].share for i in prorated)
    return free | dict.fromkeys(prorated, whole)


def value_of(fee, version):
    """The amount of a fee in a version, for a whole period."""
    return price_of(fee["price"], version.level) if "price" in fee else Fraction(fee["amount"])


def fee_items(versions, final):
    """Fees in the order in which they first come, those of one name told apart by their place."""
    keys, by_version = [], []
    for version in versions:
        names, mine = {}, {}
        for fee in version.fees:
            names[fee["name"]] = names.get(fee["name"], 0) + 1
            mine["fee", fee["name"], names[fee["name"]]] = fee
        keys += [key for key in mine if key not in keys]
        by_version.append(mine)
    for key in keys:
        having = [i for i, mine in enumerate(by_version) if key in mine]
        # of a level a fee is what it comes to there: at two levels that cost the same it is one item
        fees = {
            i: by_version[i][key] | {"price": None, "amount": value_of(by_version[i][key], versions[i])}
            for i in having
        }

        def alike(one, other, fees=fees):
            return fees[one] == fees[other] and concern(versions[one], "fee", None) == concern(
                versions[other], "fee", None
            )

        largest = ZERO
        for run in runs(having, alike):
            amount = ZERO
            for i in run:
                version, value = versions[i], fees[i]["amount"]
                if fees[i]["prorated"]:
                    amount += value * (version.share - version.free + version.rest)
                elif not version.free or version.free != version.share:
                    amount += max(ZERO, value - largest)
                    largest = max(largest, value)
            is_due = final or fees[run[0]]["due"] == "advance"
            yield Item(key, "fee", None, amount, version=run[0], is_due=is_due)


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
    return tax["name"], tax["percent"], tax["inclusive"]


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
    for ((_, percent, inclusive), _), taxes in by_key.items():
        within, bases = [], []
        for item in items:
            if item.version in taxes and item.lies_in(taxes[item.version]["on"]):
                mine = [t for t in versions[item.version].plan["taxes"] if item.lies_in(t["on"])]
                rates = total(Fraction(t["percent"]) for t in mine if t["inclusive"])
                within.append(item)
                bases.append((item.exact - item.drawn) / (1 + rates / 100))
        rate, positive = Fraction(percent) / 100, [max(ZERO, base) for base in bases]
        if work.plan["rounding"]["tax"] == "line":
            parts = [work.unit.rounded(base * rate) for base in positive]
            amount = total(parts)
        else:
            amount = work.unit.rounded(max(ZERO, total(bases)) * rate)
            parts = work.unit.shared(amount, positive) if amount else [ZERO for _ in bases]
        yield inclusive, amount, list(zip(within, parts, strict=True))


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


def owed(contract, period, used, *, final=True, levels=None):
    """The total of a period without credit; *levels* are how many seats there are, by the day they change."""
    versions = versions_of(contract, period, used, levels)
    work = oracle.work_of(versions[-1].plan, None, period, None)
    usage = list(usage_items(versions))
    if versions[0].plan["token_price"] is not None:
        sell_tokens(work, usage, versions)
    items = [*fee_items(versions, final), *usage]
    settle(work, items)
    items = [item for item in items if item.is_due]
    take_discounts(work, items, versions)
    hold(work, items, versions)
    if final:
        lift(work, items, versions)
    net = total(item.exact for item in items)
    added = total(amount for inclusive, amount, _ in taxes_of(work, items, versions) if not inclusive)
    return oracle.in_coins(work, work.unit.rounded(net) + added)
