"""FOCUS: what a bill is in costs and rows of the specification, for single bills and for frames."""
