"""False-positive rate and power of every claim, by simulation and by real runs of one arm against itself."""
