"""Who waits for a slot, and when DashScope is asked."""
