"""The parts of the documentation that are generated from the code, and the tests that keep them up to date."""
