"""Laws of contracts over contracts at random, credit of every kind included.

What stands on a side condition says so; docs/explanation/contracts.md says the same to users.
"""

import os
from datetime import date, timedelta
from fractions import Fraction

import pytest
from attrs import evolve

import tokenbill as tb
from tests.oracle import contract_simulator
from tests.oracle.contract_plans import contract_of, levels_of
from tests.oracle.contract_simulator import Billed, events, kept
from tests.oracle.simulator import grant_of
from tests.support.breakdowns import check_breakdown
from tokenbill import serial
from tokenbill.errors import BalanceExhausted

LIVES = min(int(os.environ.get("TOKENBILL_SIMULATED", "72")) // 4, 500)
SEED = 20_261_130
SEEDS = range(SEED, SEED + LIVES)
UNDATED = {"starts": None, "expires": None, "created": None}


def life(seed):
    """A story of up to five versions, and an account with grants of every sort, scoped or not, none dated."""
    story, told = contract_simulator.life(seed)
    story.is_dated = False
    plan = told["contract"]["plan"]
    if story.other.random() < 0.15:
        for each in (plan, *(change["plan"] for change in told["contract"]["amendments"])):
            each["overage"] = "owe"
    told["grants"] = [story.grant(plan) | UNDATED for _ in range(story.rng.randrange(4))]
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
    check_breakdown(bill)
    assert sum(line.amount for line in bill.lines) == bill.total
    again = serial.loads(serial.dumps(bill))
    assert (again.lines, outcome(again)) == (bill.lines, outcome(bill))
    return bill


def paid_ids(account, plan):
    """The grants in money that were paid for."""
    return {grant.id for grant in account.balance.grants if is_money(grant, plan)}


def is_money(grant, plan):
    return grant.kind == "paid" and grant.currency.code == plan["currency"]


# --- an amendment that changes nothing -------------------------------------------------------------------


def null_days(story, contract):
    """Days on which nothing is amended yet, before the contract ends."""
    taken = {str(change.at) for change in contract.amendments}
    days = {story.any_day(least=1) for _ in range(story.rng.randrange(1, 4))} - taken
    return sorted(day for day in days if contract.end is None or day < str(contract.end))


def test_an_amendment_that_changes_nothing_changes_no_bill():
    """Without side conditions: at any day, however often, at both rounding stages, whatever credit pays."""
    for seed in SEEDS:
        story, told, account = life(seed)
        contract, period = contract_of(told["contract"]), tb.Period(*told["period"])
        same = contract
        for at in null_days(story, contract):
            same = same.amended(at, same.plan_at(at))
        final = story.chance(0.7)

        one, other = (
            tb.Bill.of(
                told["used"], each, period=period, opening=account, final=final, levels=levels_of(told)
            )
            for each in (contract, same)
        )

        assert outcome(one) == outcome(other), f"seed {seed}"
        if seed % 4 == 0:
            checked(other)


def test_an_amendment_that_changes_nothing_lets_an_open_account_go_on():
    for seed in SEEDS:
        story, told, account = life(seed)
        contract, period = contract_of(told["contract"]), tb.Period(*told["period"])
        at, *_ = [*null_days(story, contract), None]
        if at is None:
            continue
        how = {"period": period, "levels": levels_of(told)}
        first = tb.Bill.of(told["used"], contract, opening=account, final=False, at=at, **how)

        one, other = (
            tb.Bill.of({}, each, opening=kept(story, first.closing), at=told["period"][1], **how)
            for each in (contract, contract.amended(at, contract.plan_at(at)))
        )

        assert outcome(one) == outcome(other), f"seed {seed}"


# --- any cut, one sum ------------------------------------------------------------------------------------


def bills_of(story, told, account, *, before=lambda billed: None):
    """The bills of a period that is cut at random: one for each event, but not for each amendment."""
    billed, made = Billed(told, account), []
    for when, kind, what, usage in events(story, told):
        if kind == 0 and (billed.told["end"] is None or what["at"] < billed.told["end"]):
            billed.amend(what)
        elif kind == 1:
            billed.end(what, told["contract"]["end_fees"])
        if kind < 2 and story.chance(0.5):
            continue
        before(billed)
        bill = billed.bill(
            what if kind > 1 else None,
            usage if kind == 2 else None,
            less=usage if kind == 3 else None,
            at=when if story.chance(0.8) else None,
            upto=max(when, told["period"][0]),
        )
        made.append(checked(bill) if story.chance(0.05) else bill)
        billed.account = kept(story, bill.closing)
    made.append(checked(billed.bill(final=True)))
    return billed, made


def test_any_cut_of_a_period_comes_to_one_sum():
    """Totals while no grant in gifts or tokens comes or goes in between; dues and what is left of grants,
    if also no bill gives cash back. What is billed, drawn and kept always closes; no charge is below zero.
    """
    compared = 0
    for seed in SEEDS:
        story, told, account = life(seed)
        ids = paid_ids(account, told["contract"]["plan"])

        billed, made = bills_of(story, told, account)

        period = tb.Period(*told["period"])
        levels = levels_of(told)
        whole = tb.Bill.of(billed.used, billed.contract, period=period, opening=account, levels=levels)
        last = made[-1].closing
        assert sum(bill.total for bill in made) == whole.total, f"seed {seed}"
        charges = [row for row in whole.breakdown() if row.description != "cash rounding"]
        # of a price of one unit two taxes that it contains may each round to one
        lowest = min((row.gross if row.included else min(row.net, row.gross) for row in charges), default=0)
        assert whole.total >= 0 <= lowest, f"seed {seed}"
        cash = sum(bill.due for bill in made) - last.credit_balance
        # under a maximum cash may come back of a bill of nothing: one charge falls as another grows
        if all(bill.closing.credit_balance <= bill.opening.credit_balance for bill in made):
            compared += 1
            assert cash == whole.due - whole.closing.credit_balance, f"seed {seed}"
            assert outcome(made[-1])[4] == outcome(whole)[4], f"seed {seed}"
        draws = sum(amount for bill in made for id, amount in bill.draws if id in ids)
        assert cash + draws == whole.total, f"seed {seed}"
    assert compared > LIVES // 4


# --- credit that comes and goes --------------------------------------------------------------------------


def grant_at(story, told, number):
    """A grant that comes between bills: dated or not, up to a last valid day or a first moment without it."""
    plan = told["contract"]["plan"]
    grant = story.grant(plan) | UNDATED | {"id": f"later {number}"}
    first = date.fromisoformat(told["period"][0])
    if story.chance(0.5):
        grant["starts"] = str(first + timedelta(days=story.rng.randrange(-3, 20)))
    if story.chance(0.6):
        ends = first + timedelta(days=story.rng.randrange(20, 60))
        grant |= {"expires": str(ends)} if story.chance(0.5) else {"expires": None, "through": str(ends)}
    return grant_of(plan, grant)


def test_whatever_credit_comes_and_goes_the_money_closes_and_no_grant_pays_more_than_it_holds():
    """Always: dues and paid draws, less the growth of the credit balance, are the totals."""
    for seed in SEEDS:
        story, told, account = life(seed)
        came = []

        def top_up(billed, story=story, told=told, came=came):
            if story.chance(0.4):
                came.append(grant_at(story, told, len(came)))
                balance = billed.account.balance.with_grants(came[-1])
                billed.account = evolve(billed.account, balance=balance)

        _, made = bills_of(story, told, account, before=top_up)

        plan, last = told["contract"]["plan"], made[-1].closing
        ids = paid_ids(account, plan) | {grant.id for grant in came if is_money(grant, plan)}
        cash = sum(bill.due for bill in made) - last.credit_balance
        draws = sum(amount for bill in made for id, amount in bill.draws if id in ids)
        assert cash + draws == sum(bill.total for bill in made), f"seed {seed}"
        for bill in made:
            balance = bill.closing.balance
            for grant in balance.grants:
                # a roll-over may only add when the period closes
                assert bill.final or 0 <= balance.left(grant.id) <= grant.amount, f"seed {seed}"


# --- plans that refuse -----------------------------------------------------------------------------------


def test_what_a_balance_does_not_cover_is_refused_and_nothing_is_half_done():
    """A bill is refused if and only if credit does not cover it, and the account goes on as it was."""
    refused = 0
    for seed in SEEDS:
        story, told, account = life(seed)
        contract = told["contract"]
        for plan in (contract["plan"], *(change["plan"] for change in contract["amendments"])):
            # whether an account covers usage is asked without a word on levels
            plan |= {"overage": "refuse", "fees": [fee for fee in plan["fees"] if "price" not in fee]}
            plan["reads"] = None if told["levels"] else plan.get("reads")
        agreed, period = contract_of(contract), tb.Period(*told["period"])
        served = []
        for day, usage in sorted(told["used"].items()):
            covers = account.covers({day: usage}, agreed, at=day, period=period)
            before, how = serial.dumps(account), {"period": period, "opening": account, "at": day}
            if not covers and any(map(Fraction, usage.values())):
                with pytest.raises(BalanceExhausted):
                    tb.Bill.of({day: usage}, agreed, final=False, **how)
                assert serial.dumps(account) == before, f"seed {seed}"
                refused += 1
                continue
            bill = tb.Bill.of({day: usage}, agreed, final=False, **how)
            account = kept(story, bill.closing)
            served.append(bill)
        assert all(bill.due == 0 for bill in served if any(bill.usage.values())), f"seed {seed}"
    assert refused > LIVES // 10


# --- a past that is rated anew ---------------------------------------------------------------------------


def test_a_past_that_is_rated_anew_comes_to_one_bill_of_the_terms_of_now():
    """While no gift and no token pays: their draws stay where they are, whatever the terms become."""
    for seed in SEEDS:
        story, told, account = life(seed)
        plan = told["contract"]["plan"]
        paid = [grant for grant in account.balance.grants if is_money(grant, plan)]
        account = tb.Account(balance=paid)
        _, made = bills_of(story, told, account)
        period, open_bills = tb.Period(*told["period"]), made[:-1]
        if not open_bills:
            continue
        other = contract_of(told["contract"] | {"amendments": told["contract"]["amendments"][:1]})
        before = kept(story, open_bills[-1].closing)

        again = tb.Bill.of({}, other, period=period, opening=before, restate=True)

        # the usage of each version of before falls under the version of now that holds its start
        starts = before.versions or (tb.core.billing.account.VersionUsage(period.start, before.used),)
        moved = {version.start: version.used for version in starts if version.used}
        # levels are known up to the last bill
        levels = {
            name: {str(change.at or period.start): change.amount for change in changes}
            for name, changes in before.levels
        }
        whole = tb.Bill.of(moved, other, period=period, opening=account, levels=levels)
        assert sum(bill.total for bill in open_bills) + again.total == whole.total, f"seed {seed}"
        if seed % 5 == 0:
            checked(again)


# --- what holds an item together -------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["bill", "line"])
def test_versions_that_agree_show_one_line_for_each_charge(stage):
    """Items that were not put together could be taxed and rounded apart, though their sum is right."""
    shown = 0
    for seed in SEEDS:
        story, told, _ = life(seed)
        plan = told["contract"]["plan"]
        plan["rounding"] = plan["rounding"] | {"stage": stage, "tax": "total"}
        contract = contract_of({"plan": plan, "amendments": []})
        same = contract
        for at in null_days(story, contract):
            same = same.amended(at, same.plan_at(at))

        one, other = (
            tb.Bill.of(told["used"], each, period=tb.Period(*told["period"]), levels=levels_of(told))
            for each in (contract, same)
        )

        figures = [[line.figures for line in bill.lines] for bill in (one, other)]
        assert figures[0] == figures[1], f"seed {seed}"
        shown += len(other.versions) > 1 and len(figures[0]) > 1
    assert shown > LIVES // 3
