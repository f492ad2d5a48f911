"""Tests of both doors."""
