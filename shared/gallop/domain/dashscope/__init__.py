"""DashScope's protocol, without network access."""
