"""Floor 3: instants, billing periods and the cycles that they follow."""
