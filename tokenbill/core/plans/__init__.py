"""Floor 5: billing plans and their terms."""
