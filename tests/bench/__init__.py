"""Benchmarks: each part is a module with one public ``measure``; ``make bench`` runs them all and writes the page.

Nothing is checked here, and no test depends on a time: a benchmark compares side by side, in one run.
"""
