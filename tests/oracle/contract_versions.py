"""Contracts of the oracle: the stretches of a period under one plan each, and what is used in them.

A contract is a dict: a plan and its amendments, each with its day, its plan, and what it does to fees and
tiers.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.oracle import oracle
from tests.oracle.oracle import ZERO, length, share_of, total, trial_share


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


def plan_on(contract, day):
    """The plan that holds on a day, with the terms that do."""
    found = contract["plan"]
    for change in sorted(contract.get("amendments", ()), key=lambda change: change["at"]):
        if change["at"] <= day:
            found = change["plan"]
    return dated(found, day)
