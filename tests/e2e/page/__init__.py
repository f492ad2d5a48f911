"""The page, used by people with a real browser."""
