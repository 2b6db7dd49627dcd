"""Floor 4: prices as curves, price schedules and price books."""
