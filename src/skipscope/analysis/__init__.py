"""From records to tidy tables: one row an observation, nothing drawn and nothing said."""
