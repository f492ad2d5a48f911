"""Benchmarks: run by hand, compared side by side, no part of any verdict."""
