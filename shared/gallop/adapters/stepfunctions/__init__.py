"""The state machines, as the product starts and resumes them."""
