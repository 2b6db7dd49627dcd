"""What grants paid of bills, and what that had cost: what rows of FOCUS are held against."""

from fractions import Fraction

from tokenbill.core.credits.draws import OWED


def drawn_of(bill):
    """What grants paid of a bill, by grant: what went to a debt of before is a part of no cost of it."""

    def debts(draws):
        return {id: Fraction(dict(parts).get(OWED, 0)) for id, parts in draws}

    before, after = debts(bill.opening.draws_by_charge), debts(bill.delta.draws)
    return {id: Fraction(amount) - after.get(id, 0) + before.get(id, 0) for id, amount in bill.draws}


def paid_of(bill):
    """What paid grants in money paid of a bill."""
    money = {
        g.id for g in bill.opening.balance.grants if g.kind == "paid" and g.currency == bill.plan.currency
    }
    return sum(amount for id, amount in drawn_of(bill).items() if id in money)


def worth_drawn(bill):
    """What was paid for the money that a bill drew: one for one, and nothing beyond the grant's amount."""
    balance, value = bill.opening.balance, Fraction(0)
    gone = {
        g.id: Fraction(dict(balance.draws).get(g.id, 0)) + Fraction(dict(balance.forfeited).get(g.id, 0))
        for g in balance.grants
    }
    for grant in balance.grants:
        if grant.kind == "paid" and grant.currency == bill.plan.currency:
            before, most = gone[grant.id], Fraction(grant.amount)
            value += min(before + drawn_of(bill).get(grant.id, 0), most) - min(before, most)
    return value
