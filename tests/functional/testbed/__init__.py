"""The testbed itself: how faithful it is to AWS, with a counterexample for each claim."""
