"""The workflow as it is written, run by an interpreter of the language against the real handlers."""
