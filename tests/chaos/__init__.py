"""``make chaos``: many jobs through both doors under random, seeded trouble; then a table of what came of them."""
