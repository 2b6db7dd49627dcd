"""Laws of contracts over contracts at random, credit of every kind included.

What stands on a side condition says so; docs/explanation/contracts.md says the same to users.
"""

import os

from attrs import evolve

import tokenbill as tb
from tests.oracle.contract_plans import contract_of, plan_of
from tests.oracle.contract_stories import ContractStory
from tests.oracle.simulator import grant_of
from tests.support.breakdowns import check_breakdown
from tokenbill import serial

LIVES = min(int(os.environ.get("TOKENBILL_SIMULATED", "240")) // 4, 500)
SEED = 20_261_130


def life(seed):
    """A story, what it tells, and an account with grants of every sort, scoped or not, none of them dated."""
    story = ContractStory(seed)
    told = story.told(most=4)
    plan = told["contract"]["plan"]
    for each in (plan, *(change["plan"] for change in told["contract"]["amendments"])):
        each["overage"] = "bill"
    story.is_dated = False
    undated = {"starts": None, "expires": None, "created": None}
    told["grants"] = [story.grant(plan) | undated for _ in range(story.rng.randrange(4))]
    return story, told, tb.Account(balance=[grant_of(plan, grant) for grant in told["grants"]])


def outcome(bill):
    """What a bill says and leaves: total, due, draws, and what is left of every credit."""
    account = bill.closing
    left = {grant.id: account.balance.left(grant.id) for grant in account.balance.grants}
    return bill.total, bill.due, bill.draws, account.credit_balance, left


def checked(bill):
    """A bill that verifies, explains itself, adds up, and comes back from storage as it was."""
    bill.verify()
    assert bill.explain()
    assert sum(line.amount for line in bill.lines) == bill.total
    check_breakdown(bill)
    again = serial.loads(serial.dumps(bill))
    assert (again.lines, outcome(again)) == (bill.lines, outcome(bill))
    return bill


# --- an amendment that changes nothing -------------------------------------------------------------------


def test_an_amendment_that_changes_nothing_changes_no_bill():
    """Without side conditions: at any day, however often, at both rounding stages, whatever credit pays."""
    for seed in range(SEED, SEED + LIVES):
        story, told, account = life(seed)
        contract, period = contract_of(told["contract"]), tb.Period(*told["period"])
        same = contract
        for _ in range(story.rng.randrange(1, 4)):
            at = story.any_day(least=1)
            if all(str(change.at) != at for change in same.amendments):
                same = same.amended(at, same.plan_at(at))
        final = story.chance(0.7)

        one, other = (
            tb.Bill.of(told["used"], each, period=period, opening=account, final=final)
            for each in (contract, same)
        )

        assert outcome(one) == outcome(other), f"seed {seed}"
        if seed % 4 == 0:
            checked(other)


def test_an_amendment_that_changes_nothing_lets_an_open_account_go_on():
    for seed in range(SEED, SEED + LIVES):
        story, told, account = life(seed)
        contract, period = contract_of(told["contract"]), tb.Period(*told["period"])
        at = story.any_day(least=1)
        if any(str(change.at) == at for change in contract.amendments):
            continue
        first = tb.Bill.of(told["used"], contract, period=period, opening=account, final=False, at=at)

        one, other = (
            tb.Bill.of({}, each, period=period, opening=kept(story, first.closing), at=told["period"][1])
            for each in (contract, contract.amended(at, contract.plan_at(at)))
        )

        assert outcome(one) == outcome(other), f"seed {seed}"


# --- any cut, one sum ------------------------------------------------------------------------------------


def kept(story, account):
    """An account as it is passed on: as it was, without what it remembers, or from storage."""
    how = story.pick(["memo", "memo", "evolved", "stored"])
    if how == "stored":
        return serial.loads(serial.dumps(account))
    return account if how == "memo" else evolve(account)


def events(story, told):
    """Amendments and usage in the order in which they come: usage perhaps late, or too much and withdrawn."""
    found = [(change["at"], 0, change, {}) for change in told["contract"]["amendments"]]
    for day, usage in told["used"].items():
        when = day if story.chance(0.6) else max(day, story.any_day())
        found.append((when, 1, day, usage))
        if story.chance(0.3):
            more = dict.fromkeys(usage, "3")
            found += [(when, 1, day, more), (max(when, story.any_day()), 2, day, more)]
    return sorted(found, key=lambda event: event[:2])


def bills_of(story, told, account):
    """The bills of a period that is cut at random: one for each event, but not for each amendment."""
    plan, period, made = told["contract"]["plan"], tb.Period(*told["period"]), []
    contract = tb.Contract(plan_of(plan))
    for when, kind, what, usage in events(story, told):
        if kind == 0:
            new = plan_of(what["plan"])
            contract = contract.amended(what["at"], new, fees=what["fees"], tiers=what["tiers"])
            if story.chance(0.5):
                continue
        bill = tb.Bill.of(
            {what: usage} if kind == 1 else {},
            contract,
            period=period,
            opening=account,
            final=False,
            at=when if story.chance(0.8) else None,
            reversal={what: usage} if kind == 2 else tb.Usage(),
        )
        made.append(checked(bill) if story.chance(0.1) else bill)
        account = kept(story, bill.closing)
    made.append(checked(tb.Bill.of({}, contract, period=period, opening=account)))
    return made


def test_any_cut_of_a_period_comes_to_one_sum():
    """Totals while no grant in gifts or tokens comes or goes in between; dues and what is left of grants,
    if also no bill gives cash back. What is billed, drawn and kept always closes.
    """
    for seed in range(SEED, SEED + LIVES):
        story, told, account = life(seed)
        contract, period = contract_of(told["contract"]), tb.Period(*told["period"])
        whole = tb.Bill.of(told["used"], contract, period=period, opening=account)

        made = bills_of(story, told, account)

        last = made[-1].closing
        assert sum(bill.total for bill in made) == whole.total, f"seed {seed}"
        cash = sum(bill.due for bill in made) - last.credit_balance
        if all(bill.total >= 0 for bill in made):
            assert cash == whole.due - whole.closing.credit_balance, f"seed {seed}"
            assert outcome(made[-1])[4] == outcome(whole)[4], f"seed {seed}"
        plan = told["contract"]["plan"]
        paid = {
            grant["id"]
            for grant in told["grants"]
            if grant["kind"] == "paid" and grant["currency"] == plan["currency"]
        }
        draws = sum(amount for bill in made for id, amount in bill.draws if id in paid)
        assert cash + draws == whole.total, f"seed {seed}"
