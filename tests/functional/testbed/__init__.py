"""The testbed itself: what it promises to be faithful in, each promise shown to bite."""
