"""Floor 7: accounts, bills, and how a bill explains itself."""
