"""Functional tests: parts of the system, run for real."""
