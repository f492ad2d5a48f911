"""Tests of the users' commands, against the template with its real routes, handlers and buckets in one process."""
