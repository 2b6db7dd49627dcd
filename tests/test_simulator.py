"""Bills at random beside an oracle that shares no code with the package; a failing seed replays."""

import os

from simulator import simulation

BILLS = int(os.environ.get("TOKENBILL_SIMULATED", "2000"))
SEED = 20_261_123
"""Where the stories begin; each of the next seeds is one of them."""


def test_the_package_and_the_oracle_bill_the_same_lives():
    made, difference = simulation(SEED, BILLS)

    assert difference is None, difference
    assert made >= BILLS
