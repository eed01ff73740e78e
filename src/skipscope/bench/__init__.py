"""This machine: ours against the usual loop, side by side in one run."""
