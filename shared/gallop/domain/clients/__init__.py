"""Clients of the HTTPS door: keys, rate limits, webhooks."""
