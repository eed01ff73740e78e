"""The reader's own part of a hand-in: a Markdown file as blocks, or questions where there is none.

`source.py` has pandoc read the file, `formulas.py` checks its formulas, `inlines.py` and `blocks.py` make the
document's parts of it, `images.py` embeds pictures, `prompts.py` asks, `section.py` puts the section
together. Nothing in the file can become markup of a page: every text is escaped.
"""
