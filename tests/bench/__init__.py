"""Benchmarks: run by hand and compared side by side; no check depends on them."""
