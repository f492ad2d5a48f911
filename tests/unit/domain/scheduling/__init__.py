"""Tests of queue and polling."""
