"""How many examples a law is tried on: HYPOTHESIS_PROFILE is quick (unless told), usual, ci or patience."""

import os

from hypothesis import HealthCheck, settings

for profile, examples in {"quick": 10, "usual": 100, "ci": 200, "patience": 20_000}.items():
    settings.register_profile(
        profile, max_examples=examples, deadline=None, suppress_health_check=[HealthCheck.too_slow]
    )
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
