"""The domain, without any neighbour."""
