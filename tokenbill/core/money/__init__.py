"""Floor 2: exact decimals, currencies and rounding."""
