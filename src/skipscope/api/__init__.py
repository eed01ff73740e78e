"""The Python facade: what scripts and notebooks call, and how runs show their progress."""
