"""The inbox and results buckets."""
