"""From chart specifications to pictures: Vega-Lite, fonts, raster images."""
