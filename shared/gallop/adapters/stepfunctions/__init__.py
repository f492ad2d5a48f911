"""The state machines, as Gallop starts and resumes them."""
