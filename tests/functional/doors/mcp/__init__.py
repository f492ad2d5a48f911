"""Tests of the HTTPS door."""
