"""Trains one run: the loop, its schedule, precision, checkpoints."""
