"""Floor 1: what comes in, how values are hashed, quoted in errors and laid out as tables."""
