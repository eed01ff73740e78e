"""Instruments: what is measured of a network, one file a measurement; `registry.PROBES` has them all."""
