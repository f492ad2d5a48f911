"""The testbed: an embedded AWS and a fake DashScope, on one clock."""
