"""Tests of DashScope's protocol."""
