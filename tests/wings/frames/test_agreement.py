"""Bills with everything switched on are the same one by one and in frames; many more are compared by hand."""

import pytest

pytest.importorskip("numpy", reason="not run: install numpy, which every engine needs")  # before the helpers

from tests.support.engines import engine_of
from tests.wings.frames.agreement import agreed


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("seed", range(1000, 1006))
def test_bills_of_frames_are_those_of_single_customers_digit_for_digit(seed, engine):
    engine_of(engine)

    assert agreed(seed, [engine]) >= 0
