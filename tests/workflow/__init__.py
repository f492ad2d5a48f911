"""The workflow as written, run by an interpreter of the language with the real handlers."""
