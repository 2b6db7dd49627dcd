"""A customer's life at random, billed by package and oracle alike.

    python -m tests.oracle.simulator --seed 1

Each seed is a story of `stories`; each of its bills is made on both sides and compared, and where a period is
split, so is the one bill that it could have been. A seed that fails is a test case: it says the same again.
"""

import argparse
import json
import random
import sys
import time
from fractions import Fraction

from attrs import evolve

import tokenbill as tb
from tests.oracle import oracle
from tests.oracle.stories import CURRENCIES, Story, decimal
from tokenbill import serial
from tokenbill.errors import BalanceExhausted

# --- the package's side ----------------------------------------------------------------------------------


def tiers_of(tiers):
    return [tb.Tier(**tier) for tier in tiers]


def price_of(price):
    name, *given = price
    return PRICES[name](*given)


PRICES = {
    "per_unit": lambda rate, per: tb.PerUnit(rate, per=per),
    "flat": lambda amount, at_zero: tb.Flat(amount, at_zero=at_zero),
    "package": lambda size, fee, direction: tb.Package(size, fee, round=direction),
    "graduated": lambda tiers, per, at_zero: tb.Graduated(tiers_of(tiers), per=per, fee_at_zero=at_zero),
    "volume": lambda tiers, per, at_zero: tb.Volume(tiers_of(tiers), per=per, fee_at_zero=at_zero),
    "sum": lambda first, *more: sum(map(price_of, more), price_of(first)),
    "scaled": lambda price, factor: price_of(price) * factor,
    "after": lambda price, units: price_of(price).after(units),
    "capped": lambda price, most: price_of(price).capped(most),
    "at_least": lambda price, least: price_of(price).at_least(least),
    "in_units": lambda price, of, times, direction: price_of(price).in_units(of, times, direction),
    "then": lambda price, curve: price_of(price).then(price_of(curve)),
}


def entry_of(entry):
    price = price_of(entry["price"])
    return price.each(*entry["each"]) if entry["each"] else price


def unit_of(plan, code):
    return tb.Currency("TOKEN", places=plan["unit_places"]) if code == "TOKEN" else tb.Currency(code)


def discount_of(rule):
    make = tb.Discount.percent if rule["unit"] == "percent" else tb.Discount.fixed
    return make(rule["value"], on=rule["on"])


def taxes_of(plan):
    return [tb.Tax(f"tax {i}", **tax) for i, tax in enumerate(plan["taxes"])]


def commitment_of(rule):
    return rule and tb.Commitment(**rule | {"cycle": tb.Cycle(**rule["cycle"])})


def fee_of(plan, fee):
    told = {key: fee[key] for key in ("amount", "due", "prorated")}
    own = fee["cycle"] and tb.Cycle(**fee["cycle"])
    return tb.Fee(**told, cycle=own, currency=unit_of(plan, plan["units"]) if fee["in_tokens"] else None)


def plan_of(plan):
    entries = {key: entry_of(entry) for key, entry in plan["entries"].items()}
    cycle, trial = plan["cycle"], plan["trial"]
    return tb.BillingPlan(
        tb.PriceSchedule(entries, currency=unit_of(plan, plan["units"])),
        fees=[fee_of(plan, fee) for fee in plan["fees"]],
        included=plan["included"],
        prorate_included=plan["prorate_included"],
        discounts=[discount_of(rule) for rule in plan["discounts"]],
        minimum=plan["minimum"],
        maximum=plan["maximum"],
        taxes=taxes_of(plan),
        rounding=tb.Rounding(**plan["rounding"]),
        currency=plan["currency"],
        token_price=plan["token_price"] and price_of(plan["token_price"]),
        cycle=cycle and tb.Cycle(**cycle),
        proration=plan["proration"],
        trial=tb.Period(*trial) if isinstance(trial, list) else trial,
        overage=plan["overage"],
        least_due=plan["least_due"],
        commitment=commitment_of(plan["commitment"]),
    )


def grant_of(plan, grant):
    return tb.Grant(**grant | {"currency": unit_of(plan, grant["currency"])})


def kept(account, step):
    """An account as it comes back: as it was, without what it remembers, or from what a user stores."""
    if step["keep"] == "memo":
        return account
    if step["keep"] == "evolved":
        return evolve(account)
    text = serial.dumps(account)
    if step["keep"] == "edited":
        try:
            again = serial.loads(with_one_edit(text, step["edit"]))
        except tb.TokenbillError:
            again = account  # refused, as it should be
        if again != account:
            raise Difference
    return serial.loads(text)


def with_one_edit(text, number):
    """A document with one thing in it changed, left out or written twice; the number says which and how."""
    chosen, document = random.Random(number), json.loads(text)
    places = list(places_in(document))
    table, key = chosen.choice(places)
    how = chosen.choice(["change", "change", "leave out", "twice"])
    if how == "leave out":
        del table[key]
    elif how == "twice" and isinstance(table, list):
        table.insert(key, table[key])
    else:
        table[key] = changed(table[key], chosen)
    return json.dumps(document)


def places_in(node):
    """Every table and list in a document, with every key of it."""
    for key in node if isinstance(node, dict) else range(len(node)):
        yield node, key
        if isinstance(node[key], dict | list):
            yield from places_in(node[key])


def changed(item, chosen):
    if isinstance(item, str) and item.replace(".", "").isdigit():
        return decimal(Fraction(item) + chosen.choice([1, Fraction(1, 100), 1000]))
    if isinstance(item, bool):
        return not item
    if isinstance(item, str):
        return f"{item}x"
    return "1" if item is None else type(item)()


# --- both ------------------------------------------------------------------------------------------------


class Difference(Exception):
    """The two do not agree."""


def shown(answer):
    return json.dumps(answer, default=str, sort_keys=True)


def credit_of(account):
    """The credit balance, and what it is in."""
    return Fraction(account.credit_balance)


def left_of(account):
    return {grant.id: Fraction(account.balance.left(grant.id)) for grant in account.balance.grants}


def sums_of(lines):
    """Lines by kind and meter, fees each for itself."""
    sums = {}
    for i, line in enumerate(lines):
        key = (line.kind, str(line.meter or ""), i if line.kind == "fee" else 0)
        sums[key] = sums.get(key, 0) + line.exact
    return sorted([*key[:2], amount] for key, amount in sums.items() if amount and key[0] != "rounding")


def said(bill):
    """What a bill of the package says, and what its lines add up to."""
    lines, closing = bill.lines, bill.closing
    return {
        "total": Fraction(bill.total),
        "sum of amounts": sum((Fraction(line.amount) for line in lines), Fraction()),
        "sum of exacts": sum((line.exact for line in lines), Fraction()),
        "exact": bill.exact,
        "lines": sums_of(lines),
        "due": Fraction(bill.due),
        "draws": {id: Fraction(amount) for id, amount in bill.draws if amount},
        "credit": credit_of(closing),
        "left": left_of(closing),
        "accrued": Fraction(closing.accrued),
    }


def expected(answer, state):
    """The same, as the oracle has it."""
    return {
        "total": answer.total,
        "sum of amounts": answer.total,
        "sum of exacts": answer.total,
        "exact": answer.exact,
        "lines": sorted([kind, meter or "", amount] for (kind, meter, _), amount in answer.lines.items()),
        "due": answer.due,
        "draws": answer.draws,
        "credit": state.credit,
        "left": state.left,
        "accrued": answer.accrued,
    }


class Run:
    """One story, billed twice; ``account`` is the package's customer, ``state`` the oracle's."""

    def __init__(self, story):
        self.story = story
        self.terms = story["plan"]
        self.plan = plan_of(self.terms)
        order = {"order": tuple(story["order"])} if story["order"] else {}
        balance = tb.Balance(self.grants(story["grants"]), **order)
        self.account = tb.Account(balance=balance, credit_balance=story["credit"])
        self.state = oracle.opened(story["grants"], story["order"], story["credit"])
        self.answers = []

    def grants(self, grants):
        return [grant_of(self.story["plan"], grant) for grant in grants]

    def lived(self):
        for period in self.story["periods"]:
            self.closed(period)
            if self.account.period is not None:
                return  # a grant in another currency keeps it open, and no further period begins

    def same(self, ours, theirs):
        self.answers.append((ours, theirs))
        if ours != theirs:
            raise Difference

    # a bill

    def bill(self, account, state, step, bounds, *, final):
        """One bill on both sides, and the oracle's state after; no bill where both refuse it."""
        bill, ours = self.package_says(account, step, bounds, final)
        theirs, state = self.oracle_says(state, step, bounds, final)
        self.same(ours, theirs)
        return bill, state

    def package_says(self, account, step, bounds, final):
        usage, less = tb.Usage(step["usage"]), tb.Usage(step["less"])
        period = bounds and tb.Period(*bounds)
        try:
            bill = tb.Bill.of(
                usage, self.plan, period=period, opening=account, final=final, at=step["at"], reversal=less
            )
            return bill, said(bill)
        except BalanceExhausted as refused:
            return None, {"short": Fraction(refused.short)}
        except tb.TokenbillError as error:
            return None, {"error": error.code}

    def oracle_says(self, state, step, bounds, final):
        plan, usage, less = self.terms, step["usage"], step["less"]
        try:
            answer, after = oracle.billed(
                plan, state, usage, period=bounds, final=final, at=step["at"], reversal=less
            )
            return expected(answer, after), after
        except oracle.Refused as refused:
            return {"short": refused.short}, state
        except oracle.BelowZero:
            return {"error": "invalid_usage"}, state
        except oracle.ForeignCredit:
            return {"error": "currency_mismatch"}, state

    # a period

    def closed(self, period):
        """All bills of a period, and then the laws about them."""
        self.terms = in_currency(self.story["plan"], period["currency"])
        self.plan = plan_of(self.terms)
        opening, state, made = self.account, self.state, []
        steps, bounds = period["steps"], period["bounds"]
        for step in steps:
            self.topped_up(step["grants"])
            account = kept(self.account, step)
            bill, self.state = self.bill(account, self.state, step, bounds, final=step is steps[-1])
            self.account = bill.closing if bill else account
            made.append(bill)
        if made[-1] is None:
            self.given_up(steps[-1], bounds)
        if self.plan.overage == "refuse":
            self.prefixes(opening, state, period, made)
        elif all(made):
            self.whole(opening, state, period, made)

    def topped_up(self, grants):
        if grants:
            balance = self.account.balance.with_grants(*self.grants(grants))
            self.account = evolve(self.account, balance=balance)
            self.state = oracle.topped_up(self.state, grants)

    def given_up(self, step, bounds):
        """A period whose last bill is refused ends with one of no usage, which never is.

        But for credit in another currency, which waits for a period that is billed in it.
        """
        bill, self.state = self.bill(self.account, self.state, together([], step["at"]), bounds, final=True)
        self.account = bill.closing if bill else self.account

    def prefixes(self, opening, state, period, made):
        """The first bill that is refused is the first with which the usage so far would be, as one bill."""
        steps = period["steps"]
        if not (is_still(period, state) and all(step["usage"] for step in steps)):
            return
        for i, bill in enumerate(made):
            step = together(steps[: i + 1], steps[0]["at"])
            one, _ = self.bill(opening, state, step, period["bounds"], final=i == len(steps) - 1)
            # one bill may lack a part of a minor unit that was rounded away between two of them
            if bill is None:
                self.same({"6, refuse": True}, {"6, refuse": one is None})
                return

    def whole(self, opening, state, period, made):
        """The one bill that a period could have been, and a correction of it when all is over."""
        step, one, after = together(period["steps"], period["steps"][-1]["at"]), made[0], self.state
        if len(made) > 1:
            one, after = self.bill(opening, state, step, period["bounds"], final=True)
        for law, left, right in laws(period, state, one, made):
            self.same({law: left}, {law: right})
        if self.story["is_read"]:
            one.verify()
            self.same({"8, bytes": shown_by(one)}, {"8, bytes": shown_by(anew(one, self.terms))})
        if self.story["note"] and period is self.story["periods"][-1] and step["usage"]:
            self.credited(opening, state, period, one, after)

    def credited(self, opening, state, period, sent, after):
        """The bill without one of the meters, and a credit note for what was billed too much."""
        step, note = together(period["steps"], period["steps"][-1]["at"]), self.story["note"]
        meter = min(step["usage"])
        step["less"][meter] = step["usage"][meter]
        right, _ = self.bill(opening, state, step, period["bounds"], final=True)
        change = right - sent
        if change.total <= 0:
            account = sent.closing.credit(change, **note)
            state = oracle.credited(after, Fraction(sent.total), Fraction(right.total), **note)
            self.same({"credit": credit_of(account)}, {"credit": state.credit})


def in_currency(plan, code):
    """The plan with the same numbers in another currency."""
    if code is None:
        return plan
    own = {"units": code, "unit_places": CURRENCIES[code]} if plan["units"] == plan["currency"] else {}
    own["rounding"] = plan["rounding"] | {"step": None}  # a coin is of one currency
    return plan | {"currency": code, "places": CURRENCIES[code]} | own


def together(steps, at):
    """The usage of several bills as that of one."""
    sums = {"usage": {}, "less": {}}
    for step in steps:
        for kind, amounts in sums.items():
            for meter, quantity in step[kind].items():
                amounts[meter] = decimal(Fraction(amounts.get(meter, 0)) + Fraction(quantity))
    return {**sums, "at": at}


def is_anew(grant):
    """Whether every bill of a period works out anew what a grant pays: promotional ones, those of tokens."""
    return grant["kind"] == "promotional" or grant["currency"] == "TOKEN"


def is_still(period, state):
    """Whether nothing but usage comes between the bills of a period."""
    is_added = any(step["grants"] for step in period["steps"])
    return not (is_added or (moves(period) and any(map(is_dated, state.grants))))


def moves(period):
    return len({step["at"] for step in period["steps"]}) > 1


def is_dated(grant):
    return grant["starts"] or grant["expires"]


def laws(period, state, one, made):
    """What splitting a period may not change, under the conditions that the documents name.

    *state* is the oracle's before the period, *one* the single bill.
    """
    added = [grant for step in period["steps"] for grant in step["grants"]]
    anew = [grant for grant in state.grants if is_anew(grant)]
    if not any(map(is_anew, added)) and not (moves(period) and any(map(is_dated, anew))):
        yield "6, total", sum(Fraction(bill.total) for bill in made), Fraction(one.total)
    ids = {grant["id"] for grant in [*added, *state.grants] if is_anew(grant)}
    is_owing = one.plan.overage == "owe" or one.plan.least_due is not None
    for bills in (made, [one]):
        yield "9", *conserved(bills, ids, state.credit)
    if is_still(period, state) and not any(map(gives_back, made)):
        yield (
            "6, due",
            *(
                # what is owed in place of being due may become due with a later bill of several
                sum(Fraction(bill.due) for bill in bills) - is_owing * credit_of(bills[-1].closing)
                for bills in (made, [one])
            ),
        )
        yield "6, balance", left_of(made[-1].closing), left_of(one.closing)


def gives_back(bill):
    """Whether a bill gives back what was paid in cash: then later bills have that credit to draw on."""
    before = bill.opening.draws_by_charge
    spent = {id: sum(Fraction(amount) for _, amount in parts) for id, parts in before}
    now = {id: sum(Fraction(amount) for _, amount in parts) for id, parts in bill.delta.draws}
    drawn = now.get("", 0) - spent.get("", 0)
    return credit_of(bill.closing) + drawn > credit_of(bill.opening)


def shown_by(bill):
    """A bill in words: no byte may depend on what was billed before."""
    return f"{bill}\n{bill.explain()}\n{bill.to_rows()}"


def anew(bill, plan):
    """The same bill, on a plan that has made no other."""
    asked, usage = bill.request, bill.usage
    return tb.Bill.of(
        usage,
        plan_of(plan),
        period=asked.period,
        opening=asked.opening,
        final=asked.final,
        at=asked.at,
        reversal=asked.reversal,
    )


def conserved(bills, anew, credit):
    """Dues, paid draws and the credit balance before; totals and the credit balance after."""
    paid = sum(Fraction(amount) for bill in bills for id, amount in bill.draws if id not in anew)
    dues = sum(Fraction(bill.due) for bill in bills)
    totals = sum(Fraction(bill.total) for bill in bills)
    return dues + paid + credit, totals + credit_of(bills[-1].closing)


# --- seeds -----------------------------------------------------------------------------------------------


def simulated(seed):
    """A story that was billed twice, and whether the two agree."""
    run = Run(Story(seed).told())
    try:
        run.lived()
    except Difference:
        return run, False
    except Exception as error:
        error.add_note(f"seed {seed}")
        raise
    return run, True


def told(seed, run, answers):
    """A story, and what both sides say of some of its bills: the same bytes for the same seed."""
    lines = [f"seed {seed}, answer {len(run.answers)}", shown(run.story)]
    for ours, theirs in answers:
        lines += [f"package: {shown(ours)}", f"oracle:  {shown(theirs)}"]
    return "\n".join(lines)


def simulation(seed, bills):
    """Stories from a seed on until so many bills are made: how many they were, and the first difference."""
    made = 0
    while made < bills:
        run, agreed = simulated(seed)
        made += sum("total" in theirs or "short" in theirs for _, theirs in run.answers)
        if not agreed:
            return made, told(seed, run, run.answers[-1:])
        seed += 1
    return made, None


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0, help="the first story; the next ones follow")
    parser.add_argument("--bills", type=int, default=1, help="stop after so many bills")
    parser.add_argument("--tell", action="store_true", help="print all of one story and both answers")
    given = parser.parse_args(arguments)
    if given.tell:
        run, agreed = simulated(given.seed)
        print(told(given.seed, run, run.answers))
        return 0 if agreed else 1
    began = time.perf_counter()
    made, difference = simulation(given.seed, given.bills)
    print(difference or f"{made} bills, 0 differences")
    print(f"{made / (time.perf_counter() - began):.0f} bills a second", file=sys.stderr)
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
