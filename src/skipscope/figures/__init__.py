"""Figures: pure functions from a table of `analysis` to an Altair chart.

Every function gets the chart's words as `labels`, the table `[chart]` of a language's text.

Channels are written as `alt.X2("to:Q")`, not as `x2="to:Q"`: Altair looks for the class of a bare string by
hashing schemas, ten milliseconds a channel.
"""
