"""Tests of the client, against the template with its real routes, handlers and buckets in one process."""
