"""The core: what a bill is, on attrs and the standard library; each folder imports lower floors only."""
