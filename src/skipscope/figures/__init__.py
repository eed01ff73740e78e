"""Figures: a table goes in, an Altair chart comes out, and nothing else happens.

Channels are written as `alt.X2("to:Q")`, not as `x2="to:Q"`: Altair looks for the class of a bare string by
hashing schemas, ten milliseconds a channel.
"""
