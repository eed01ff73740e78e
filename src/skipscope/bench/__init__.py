"""Benchmarks this machine: ours against the usual loop, in turns."""
