"""Draws networks from their cards, and the blocks that they are made of, as SVG.

Pure functions of a card and of words to texts. A picture stands on paper, on a page and on a telephone: it is
`svg.WIDTH` pixels wide, takes its ink from the text around it (`currentColor`), and says in shapes and dashes
whatever it says in colour.
"""
