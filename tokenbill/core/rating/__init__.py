"""Floor 6: how usage becomes charges and line items."""
