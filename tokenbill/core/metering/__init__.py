"""Floor 3: meters, usage, and the scopes that name some of it."""
