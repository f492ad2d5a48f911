"""Drops in the inbox, and the receipts that answer them."""
