"""Clients of everything outside Gallop: AWS services, DashScope, and hosts that other people name."""
