"""Requests for videos, checked before any money is spent."""
