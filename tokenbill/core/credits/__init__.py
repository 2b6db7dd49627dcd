"""Floor 4: grants, and the balance that they make up."""
