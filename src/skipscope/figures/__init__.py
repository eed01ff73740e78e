"""Draws figures: pure functions make an Altair chart of a table of `analysis`.

Every function gets the chart's words as `labels`, the table `[chart]` of a language's text.

Channels are written as `alt.X2("to:Q")`, not as `x2="to:Q"`: Altair looks for the class of a bare string by
hashing schemas, ten milliseconds a channel.
"""
