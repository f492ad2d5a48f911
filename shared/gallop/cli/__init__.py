"""The command ``gallop``, for operators of a stack. Not deployed: no function imports it."""
