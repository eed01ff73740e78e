"""Turns charts into pictures: Vega-Lite, fonts, raster images."""
