"""What is written about runs and studies, and where."""
