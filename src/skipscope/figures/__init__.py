"""Figures: a table goes in, an Altair chart comes out, and nothing else happens."""
