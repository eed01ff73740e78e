"""The archive that a student hands in: report, records and code."""
