"""What is asked of a study for each claim, one file a subject."""
