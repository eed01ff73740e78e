"""Takes finished networks apart by hand: one image through them, and changes measured on validation images.

`finished.py` says what there is without torch; whatever else is here computes with it. Nothing is written.
"""
