"""Trains one run: loop, learning rate, precision, checkpoints, threads."""
