"""Complete jobs on the testbed: the real template, functions in their own processes, HTTP between all of them."""
