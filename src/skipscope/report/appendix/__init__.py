"""The chapters of the report: every measurement, figure and verdict of a study."""
