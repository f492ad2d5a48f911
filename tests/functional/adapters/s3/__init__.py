"""Tests of the buckets."""
