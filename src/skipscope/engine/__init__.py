"""Runs a study: plans what to train and trains it in worker processes."""
