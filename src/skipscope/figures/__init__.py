"""Draws figures: pure functions make an Altair chart of a table of `analysis`.

Every function gets the chart's words as `labels`, the table `[chart]` of a language's text.

Channels are written as `alt.X2("to:Q")` and `alt.XValue(0)`, not as `x2="to:Q"` and `x=alt.value(0)`: Altair
looks for the class of a bare string or value by hashing all its schemas, half a second once. What `alt.when`
returns is such a value, too: `alt.ColorValue(**...)`.
"""
