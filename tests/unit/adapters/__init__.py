"""Tests of the adapters against the embedded AWS."""
