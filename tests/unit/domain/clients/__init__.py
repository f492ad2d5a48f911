"""Tests of keys, rate limits and webhooks."""
