"""What is claimed of shortcuts, concatenation, gates and the course of training, one TOML file a subject."""
