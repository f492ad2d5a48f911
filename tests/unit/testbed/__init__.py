"""Tests of the testbed's parts."""
