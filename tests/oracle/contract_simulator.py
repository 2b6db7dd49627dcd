"""A period under a contract at random, billed by package and oracle alike, bill by bill.

    python -m tests.oracle.contract_simulator --seeds 0:100000 --record finished.txt

Each seed is a story of `contract_stories`. Its amendments, its end and its usage come in the order of their
dates, some usage late, some too much and withdrawn; after each bill the period comes to what the oracle says
of the contract as it is by then, and at the end to what one bill of the whole says. A record of finished
ranges is a text file: a run that stopped goes on where it was, and a seed that failed says the same again.
"""

import argparse
import sys
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

from attrs import evolve

import tokenbill as tb
from tests.oracle import contracts
from tests.oracle.contract_plans import levels_of, plan_of
from tests.oracle.contract_stories import ContractStory
from tokenbill import serial

STRIDE = 500
"""Seeds between two lines of a record."""


class Difference(AssertionError):
    """What package and oracle do not agree on."""


def life(seed):
    """A story, and what it tells, billed whatever no balance covers."""
    story = ContractStory(seed)
    told = story.told(most=4)
    contract = told["contract"]
    for plan in (contract["plan"], *(change["plan"] for change in contract["amendments"])):
        plan["overage"] = "bill"
    return story, told


def events(story, told):
    """Amendments, the end, and usage, in the order in which they come to be known."""
    found = [(change["at"], 0, change, {}) for change in told["contract"]["amendments"]]
    end = told["contract"]["end"]
    if end is not None:
        found.append((min(end, story.any_day()), 1, end, {}))
    for day, usage in told["used"].items():
        when = day if story.chance(0.6) else max(day, story.any_day())
        found += [(when, 2, day, {meter: part}) for meter, whole in usage.items() for part in parts_of(whole)]
        if story.chance(0.3):
            more = dict.fromkeys(usage, "3")
            found += [(when, 2, day, more), (max(when, story.any_day()), 3, day, more)]
    return sorted(found, key=lambda event: event[:2])


def parts_of(quantity):
    """A quantity as that of two bills, if it is a whole one."""
    if "." in quantity or quantity == "0":
        return [quantity]
    return [str(int(quantity) // 2), str(int(quantity) - int(quantity) // 2)]


class Billed:
    """A period in the making: the contract as both sides know it, what was used, and the account."""

    def __init__(self, told, account):
        plan = told["contract"]["plan"]
        self.period, self.used, self.account = told["period"], {}, account
        self.levels, self.known = told, {}
        self.told = told["contract"] | {"amendments": [], "end": None}
        self.contract = tb.Contract(plan_of(plan))

    def amend(self, change):
        """Let other terms hold from a day on."""
        self.told = self.told | {"amendments": [*self.told["amendments"], change]}
        new = plan_of(change["plan"])
        self.contract = self.contract.amended(change["at"], new, fees=change["fees"], tiers=change["tiers"])

    def end(self, at, fees):
        """Let the contract end."""
        kept = [change for change in self.told["amendments"] if change["at"] < at]
        self.told = self.told | {"amendments": kept, "end": at, "end_fees": fees}
        self.contract = self.contract.ended(at, fees)

    def bill(self, day=None, usage=None, *, less=None, at=None, final=False, upto="9999"):
        """One more bill; *less* is taken off the usage of the day, levels are known up to a day."""
        levels = levels_of(self.levels, upto)
        self.known = levels.get("seats", {})
        for more, sign in ((usage or {}, 1), (less or {}, -1)):
            known = self.used.setdefault(day, {}) if day else {}
            for meter, quantity in more.items():
                known[meter] = str(Decimal(known.get(meter, 0)) + sign * Decimal(quantity))
        self.used = {day: {m: q for m, q in each.items() if Decimal(q)} for day, each in self.used.items()}
        made = tb.Bill.of(
            {day: usage} if usage else {},
            self.contract,
            period=tb.Period(*self.period),
            opening=self.account,
            final=final,
            at=at,
            reversal={day: less} if less else tb.Usage(),
            levels=levels,
        )
        self.account = made.closing
        return made

    def owed(self, *, final=False):
        """What the oracle says of the period so far."""
        return contracts.owed(self.told, self.period, self.used, final=final, levels=self.known)


def kept(story, account):
    """An account as it is passed on: as it was, without what it remembers, or from storage."""
    how = story.pick(["memo"] * 6 + ["evolved", "stored"])
    if how == "stored":
        return serial.loads(serial.dumps(account))
    return account if how == "memo" else evolve(account)


def simulated(seed):
    """How many bills a seed made; each of them agreed.

    Raises:
        Difference: At the first bill that both sides do not agree on.
    """
    story, told = life(seed)
    billed, count, accrued = Billed(told, tb.Account()), 0, Fraction(0)
    for when, kind, what, usage in [*events(story, told), (None, 4, None, {})]:
        if kind == 0 and (billed.told["end"] is None or what["at"] < billed.told["end"]):
            billed.amend(what)
        elif kind == 1:
            billed.end(what, told["contract"]["end_fees"])
        if kind < 2 and story.chance(0.5):
            continue
        at = when if story.chance(0.8) else None
        final = kind == 4
        made = billed.bill(
            what if kind in (2, 3) else None,
            usage if kind == 2 else None,
            less=usage if kind == 3 else None,
            at=at,
            final=final,
            upto=max(when or "9999", told["period"][0]),
        )
        count, accrued = count + 1, accrued + Fraction(made.total)
        expected = billed.owed(final=final)
        if accrued != expected:
            raise Difference(f"seed {seed}, bill {count}: {accrued} is not {expected}")
        billed.account = kept(story, billed.account)
    period, levels = tb.Period(*told["period"]), levels_of(told)
    whole = tb.Bill.of(billed.used, billed.contract, period=period, levels=levels)
    if Fraction(whole.total) != accrued:
        raise Difference(f"seed {seed}: bills of {accrued} in all, and one of {whole.total}")
    if seed % 20 == 0:
        whole.verify()
    return count + 1


def simulation(first, bills):
    """Seeds from *first* on until so many bills are made; how many there were, and the first difference."""
    made, seed = 0, first
    while made < bills:
        try:
            made += simulated(seed)
        except Difference as difference:
            return made, str(difference)
        seed += 1
    return made, None


# --- ranges of seeds, and a record of those that are finished --------------------------------------------


def finished(record):
    """The ranges of seeds in a record, as pairs."""
    lines = record.read_text(encoding="utf-8").split() if record.exists() else []
    return [tuple(map(int, line.split(":"))) for line in lines]


def left_of(first, last, done):
    """The parts of a range of seeds that no finished range holds.

    >>> left_of(0, 10, [(2, 4), (3, 6)])
    [(0, 2), (6, 10)]
    """
    found = []
    for start, stop in sorted(done):
        if first < min(start, last):
            found.append((first, min(start, last)))
        first = max(first, stop)
    return [*found, *([(first, last)] if first < last else [])]


def run(first, last, record):
    """Every seed of a range that is not finished; a line of the record for each stretch that is."""
    made = 0
    for start, stop in left_of(first, last, finished(record)):
        for begin in range(start, stop, STRIDE):
            end = min(begin + STRIDE, stop)
            made += sum(map(simulated, range(begin, end)))
            with record.open("a", encoding="utf-8") as lines:
                lines.write(f"{begin}:{end}\n")
    return made


def main(argv=None):
    parser = argparse.ArgumentParser(description="Contracts at random beside an oracle.")
    parser.add_argument("--seeds", required=True, metavar="FIRST:LAST", help="the seeds, without the last")
    parser.add_argument("--record", type=Path, required=True, help="the file of finished ranges")
    asked = parser.parse_args(argv)
    first, last = map(int, asked.seeds.split(":"))
    try:
        made = run(first, last, asked.record)
    except Difference as difference:
        sys.stdout.write(f"{difference}\n")
        return 1
    sys.stdout.write(f"{made} bills, 0 differences\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
