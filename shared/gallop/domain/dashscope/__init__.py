"""DashScope's protocol, without the network."""
