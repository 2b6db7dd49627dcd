"""Examples of each law: HYPOTHESIS_PROFILE is quick (unless told), ci, search or patience.

The first two draw the same examples each time, so that a run that fails says something of the change it
judges; the others, for whoever looks for what nobody has met yet, draw others each time.
"""

import os

from hypothesis import HealthCheck, settings

for profile, examples in {"quick": 10, "ci": 100, "search": 200, "patience": 20_000}.items():
    settings.register_profile(
        profile,
        max_examples=examples,
        derandomize=profile not in ("search", "patience"),
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
