"""One neighbor each: AWS services, DashScope, and hosts that other people name."""
