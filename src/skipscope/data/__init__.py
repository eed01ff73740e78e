"""Data sets: reading, checking, splitting and augmenting images. Nothing here but `augment` imports torch."""
