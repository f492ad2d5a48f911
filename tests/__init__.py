"""Proofs of what Gallop promises, sorted by what is real in them."""
