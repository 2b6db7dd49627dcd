"""What a period comes to whose terms change while it runs, written a second time from the rules alone.

As `oracle` does it for one plan: the stages of a bill over the items of all versions.
"""

from fractions import Fraction
from itertools import pairwise

from tests.oracle import oracle
from tests.oracle.contract_items import Item, concern, curve_amounts, fee_items, runs, usage_items
from tests.oracle.contract_versions import plan_on, versions_of
from tests.oracle.oracle import ONE, ZERO, Unit, day_of, length, price_of, total


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
