"""How good answers are: pure functions from arrays to plain numbers."""
