"""The queue for slots, and when to poll DashScope."""
