"""The promise, under every fault."""
