"""The command ``gallop``: what an operator does to a stack. Not deployed: nothing in a function imports it."""
