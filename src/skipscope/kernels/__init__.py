"""Our operators for processors: arrays in, arrays out. They know no recipe, no data set and no run."""
