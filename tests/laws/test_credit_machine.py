"""A gateway's day at random: holds, settlements, releases, top-ups, expiry, amendments and storage; grants
that come anew each day, and roll-over.

After each step nothing of what was granted or paid is lost, postings sum to zero, and nothing was served
beyond what covers it. What grants take along when they leave an account is kept beside it.
"""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tokenbill import (
    Account,
    Bill,
    BillingPlan,
    Contract,
    Cycle,
    Graduated,
    Grant,
    Grants,
    PriceSchedule,
    Quota,
    Tax,
    Tier,
    TopUp,
    Usage,
    journal,
)
from tokenbill.errors import BalanceExhausted
from tokenbill.serial import dumps, loads

START = datetime(2026, 6, 1, tzinfo=UTC)
PRICES = PriceSchedule(calls=Graduated([Tier(10, 1), Tier(None, "0.335")]), images="0.125")
TERMS = {"included": {"calls": 3}, "cycle": Cycle.monthly()}
STRICT = BillingPlan.prepaid(PRICES, overage="refuse", **TERMS)
PLANS = st.sampled_from(
    [
        STRICT,
        BillingPlan.prepaid(PRICES, **TERMS),
        evolve(STRICT, taxes=[Tax("VAT", 19)]),
        evolve(STRICT, quotas=[Quota("calls", 12, every="5h"), Quota(amount=9, every="1d", rolling=True)]),
    ]
)
AMOUNTS = st.sampled_from(["0.40", "1", "3.20", "5.00", "12"]).map(Decimal)
USAGES = st.fixed_dictionaries({}, optional={"calls": st.integers(1, 30), "images": st.integers(1, 30)}).map(
    Usage
)
RULES = TopUp(below=2, to=6, most=(40, Cycle.weekly()), cooloff="3h")
MADE = ("granted", "drawn", "expired", "voided", "paid out")


class Gateway(RuleBasedStateMachine):
    """One account; ``left`` is what grants that left it had been, ``posted`` what journals posted."""

    def __init__(self):
        super().__init__()
        self.now, self.account, self.terms, self.number = START, Account(top_ups=[RULES]), STRICT, 0
        self.granted = self.drawn = self.due = Decimal(0)
        self.earned = Fraction(0)
        self.left = dict.fromkeys([*MADE, "paid", "earned", "lost", "given back"], Fraction(0))
        self.calm = dict[str, Usage]()
        self.every, self.made_until, self.amended_at = None, None, None

    @property
    def period(self):
        return Cycle.monthly().containing(self.now)

    def id(self, what):
        self.number += 1
        return f"{what}{self.number}"

    def summed(self, balance):
        """What became of grants, in the words of conservation; what is held or left is not in it."""
        if not balance.grants:
            return dict.fromkeys(self.left, Fraction(0))
        revenue = Account(balance=balance).revenue(self.now)
        values = [
            balance.granted(),
            balance.drawn(),
            balance.expired(self.now),
            sum(amount for _, amount in balance.voids),
            sum(amount for _, amount in balance.payouts),
            revenue.paid,
            revenue.earned,
            revenue.expired,
            revenue.given_back,
        ]
        return dict(zip(self.left, map(Fraction, values), strict=True))

    def take(self, bill):
        """The account after a bill: each bill adds up, and pays no more than there was."""
        books = journal(bill)
        assert sum(posting.amount for posting in books.postings) == 0
        drawn = sum((amount for _, amount in bill.draws), Decimal(0))
        gifts = {it.id for it in bill.delta.balance.grants if it.kind == "promotional"}
        paid = drawn - sum((amount for id, amount in bill.draws if id in gifts), Decimal(0))
        before, after = bill.opening.credit_balance, bill.closing.credit_balance
        assert bill.total == bill.due + paid - (after - before)
        if bill.plan.overage == "refuse" and not bill.final:
            assert bill.due == 0
        bill.verify()
        self.drawn += drawn
        self.due += bill.due
        self.earned += Fraction(bill.recognised)
        self.account = bill.closing
        self.all_that_is_held_can_be_settled()

    def all_that_is_held_can_be_settled(self):
        """A plan that refuses leaves enough for the holds that nothing has disturbed since."""
        account = self.account
        plan = self.terms.plan_at(self.now) if isinstance(self.terms, Contract) else self.terms
        if plan.overage == "refuse":
            for hold in account.balance.open_holds.live(self.now):
                if self.calm.get(hold.id) == hold.usage:
                    how = {"period": self.period, "final": False, "at": self.now, "settles": hold.id}
                    account = Bill.of(hold.usage, self.terms, opening=account, **how).closing

    def disturb(self):
        """From here on a hold may find less than it reserved."""
        self.calm.clear()

    @rule(plan=PLANS)
    @precondition(lambda self: self.account.is_fresh and not self.account.balance.holds)
    def begin(self, plan):
        self.terms = plan

    @rule(amount=AMOUNTS, cost=st.sampled_from([None, "10", "0"]), days=st.sampled_from([None, 0, 2]))
    def grant(self, amount, cost, days):
        ends = None if days is None else self.now + timedelta(days=days, hours=7)
        grant = Grant(self.id("g"), amount, "USD", cost=cost, expires=ends, created=self.now)
        self.add(grant)

    @rule(
        amount=AMOUNTS,
        on=st.sampled_from([None, "images"]),
        most=st.sampled_from([None, ("2", Cycle.daily())]),
    )
    def give(self, amount, on, most):
        self.add(Grant(self.id("p"), amount, "USD", on=on, most=most, priority=-1, created=self.now))

    @rule(
        amount=AMOUNTS,
        rollover=st.sampled_from([(0, 2), "50%", ("1.5", None)]),
        days=st.sampled_from([None, 40]),
        on=st.sampled_from([None, "calls"]),
    )
    def give_what_rolls_over(self, amount, rollover, days, on):
        ends = None if days is None else self.now + timedelta(days=days)
        gift = Grant(self.id("r"), amount, "USD", kind="promotional", rollover=rollover, on=on, expires=ends)
        self.add(gift)
        self.disturb()  # it pays before tax, what was reserved after

    @rule(amount=AMOUNTS, days=st.sampled_from([1, 2]), kind=st.sampled_from(["paid", "promotional"]))
    @precondition(lambda self: self.every is None)
    def give_each_day(self, amount, days, kind):
        self.every = Grants.every(Cycle.daily(), amount, life=f"{days}d", kind=kind, priority=-2)
        self.account = evolve(self.account, balance=self.account.balance.with_grants(self.every))
        self.disturb()

    def coming(self, at):
        """What grants that come each day add when an account is looked at: those of each day once."""
        if self.every is None:
            return Decimal(0)
        days = [at.date() - timedelta(days=back) for back in range(int(self.every.life[:-1]))]
        new = [day for day in days if self.made_until is None or day >= self.made_until]
        return self.every.amount * len(new)

    def look(self, at):
        """Add what has come by then."""
        self.granted += self.coming(at)
        if self.every is not None:
            self.made_until = at.date() + timedelta(days=1)

    @rule()
    def top_up(self):
        if self.account.balance.grants:
            for grant in self.account.due_topups(self.now):
                assert grant.amount <= 40
                self.add(grant)

    def add(self, grant):
        self.granted += grant.amount
        self.account = evolve(self.account, balance=self.account.balance.with_grants(grant))

    @rule(usage=USAGES, minutes=st.sampled_from([None, 5, 200]))
    def hold(self, usage, minutes):
        until = None if minutes is None else self.now + timedelta(minutes=minutes)
        id, asked = self.id("h"), {"at": self.now, "period": self.period}
        admitted = self.account.covers(usage, self.terms, **asked)
        try:
            self.account = self.account.hold(id, usage, self.terms, until=until, **asked)
        except BalanceExhausted:
            assert not admitted
        else:
            assert admitted
            self.look(self.now)
            self.calm[id] = usage

    @rule(amount=AMOUNTS)
    def hold_amount(self, amount):
        free = self.account.balance.remaining(self.now) if self.account.balance.grants else 0
        try:
            self.account = self.account.hold(self.id("a"), amount=amount, at=self.now, currency="USD")
        except BalanceExhausted:
            return
        assert amount <= free + self.account.credit_balance + self.coming(self.now)
        self.look(self.now)
        self.disturb()

    @rule(data=st.data(), share=st.sampled_from([0, 1, 2]))
    @precondition(lambda self: self.account.balance.holds)
    def settle(self, data, share):
        hold = data.draw(st.sampled_from(self.account.balance.holds))
        # as much as was held, less, or twice as much
        usage = Usage({meter: units * share for meter, units in hold.usage.items() if share})
        is_over = hold.until is not None and hold.until <= self.now
        is_sure = share < 2 and self.calm.get(hold.id) == hold.usage and not is_over
        try:
            self.take(self.bill(usage, settles=hold.id))
        except BalanceExhausted:
            assert not is_sure
            if self.account.balance.holds:
                self.account = self.account.released(hold.id)

    @rule(usage=USAGES)
    def serve(self, usage):
        try:
            self.take(self.bill(usage))
        except BalanceExhausted:
            return

    def bill(self, usage, **how):
        found = Bill.of(
            usage, self.terms, period=self.period, opening=self.account, final=False, at=self.now, **how
        )
        self.look(self.now)
        return found

    @rule(data=st.data())
    @precondition(lambda self: self.account.balance.holds)
    def release(self, data):
        self.account = self.account.released(data.draw(st.sampled_from(self.account.balance.holds)).id)

    @rule(data=st.data(), out=st.booleans())
    @precondition(lambda self: self.account.balance.grants)
    def end(self, data, out):
        grant = data.draw(st.sampled_from(self.account.balance.grants))
        balance, free = self.account.balance, self.account.balance.left(grant.id)
        is_paid = out and grant.kind == "paid"
        balance = balance.paid_out(grant.id, free / 2) if is_paid else balance.voided(grant.id)
        self.account = evolve(self.account, balance=balance)
        self.disturb()

    @rule(minutes=st.sampled_from([1, 6, 290, 2000]))
    def wait(self, minutes):
        later = self.now + timedelta(minutes=minutes)
        if later < self.period.end:
            ends = [grant.expires for grant in self.account.balance.grants if grant.expires]
            if any(self.now < at <= later for at in ends) or (self.every and later.date() > self.now.date()):
                self.disturb()
            self.now = later

    @rule(equal=st.booleans())
    def amend(self, equal):
        now = self.terms.plan_at(self.now) if isinstance(self.terms, Contract) else self.terms
        new = now if equal else evolve(now, prices=PriceSchedule(calls="0.7", images="0.2"))
        contract = self.terms if isinstance(self.terms, Contract) else Contract(self.terms)
        # on its first day an amendment is the plan of a period; one in place of another changes a past
        if self.now > self.period.start and self.now != self.amended_at:
            self.terms, self.amended_at = contract.amended(self.now, new), self.now
            self.disturb()

    @rule()
    def close(self):
        end, before = self.period.end, self.account.balance
        bill = Bill.of(Usage(), self.terms, period=self.period, opening=self.account)
        self.look(end - timedelta(microseconds=1))
        self.now = end
        after = bill.closing.balance
        self.granted += self.added_by_hand(bill.delta.balance)
        gone = bill.delta.balance.without(*(grant.id for grant in after.grants)) if after.grants else None
        for what, amount in self.summed(gone or bill.delta.balance).items():
            self.left[what] += amount
        self.disturb()  # tiers and allowances begin anew, so that the same usage may cost more
        self.take(bill)
        assert {hold.id for hold in self.account.balance.holds} <= {hold.id for hold in before.holds}

    def added_by_hand(self, balance):
        """What roll-over adds, as a period closes, to grants of which less is left than the least."""
        added = Decimal(0)
        for grant in balance.grants:
            lives_on = grant.expires is None or grant.expires > self.now
            if isinstance(grant.rollover, tuple) and lives_on and grant.id not in balance.void:
                added += max(grant.rollover[0] - self.left_by_hand(balance, grant), 0)
        return added

    @staticmethod
    def left_by_hand(balance, grant):
        """What is left of a grant, held or not."""
        taken = [dict(ledger) for ledger in (balance.draws, balance.forfeited, balance.payouts)]
        added = dict(balance.rolled_over).get(grant.id, 0)
        return grant.amount + added - sum(ledger.get(grant.id, 0) for ledger in taken)

    @rule()
    def store(self):
        again = loads(dumps(self.account))
        assert again == self.account
        self.account = again

    @invariant()
    def nothing_is_lost(self):
        balance = self.account.balance
        now = self.summed(balance)
        assert now["granted"] + self.left["granted"] == self.granted
        assert now["drawn"] + self.left["drawn"] == self.drawn
        assert now["earned"] + self.left["earned"] == self.earned
        if balance.grants:
            free = balance.held(self.now) + balance.remaining(self.now)
            assert now["granted"] == sum(now[what] for what in MADE[1:]) + Fraction(free)
            assert balance.remaining(self.now) == self.free_by_hand()
            revenue = self.account.revenue(self.now)
            assert revenue.paid == sum(map(Fraction, revenue[1:]))
            assert revenue.deferred == self.deferred_by_hand()
            assert min(revenue) >= 0

    def free_by_hand(self):
        """What is left of each grant beside holds that are not over."""
        balance, free = self.account.balance, Decimal(0)
        live = [hold for hold in balance.holds if hold.until is None or self.now < hold.until]
        for grant in balance.grants:
            if grant.id not in balance.void and (grant.expires is None or self.now < grant.expires):
                held = sum(dict(hold.reserved).get(grant.id, 0) for hold in live)
                free += max(self.left_by_hand(balance, grant) - held, 0)
        return free

    def deferred_by_hand(self):
        """The cost of what is left of each grant that is neither void nor over, in proportion."""
        balance, deferred = self.account.balance, Fraction(0)
        for grant in balance.grants:
            is_over = grant.expires is not None and grant.expires <= self.now
            if not is_over and grant.id not in balance.void:
                cost = grant.cost if grant.cost is not None else grant.amount * (grant.kind == "paid")
                left = self.left_by_hand(balance, grant)
                deferred += Fraction(cost) * Fraction(left) / Fraction(grant.amount)
        return deferred


Gateway.TestCase.settings = settings(
    max_examples=settings.default.max_examples * 3, stateful_step_count=30, deadline=None
)
test_nothing_that_was_granted_or_paid_is_lost = Gateway.TestCase
