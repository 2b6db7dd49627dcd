"""What several wings need, and the core does not."""
