"""Claims: sentences that readings can support or contradict."""
