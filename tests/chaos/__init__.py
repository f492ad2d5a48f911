"""``make chaos``: many jobs through both doors with random, seeded faults; then a table of the results."""
