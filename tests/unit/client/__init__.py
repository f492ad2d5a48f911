"""Tests of the client alone, against answers that are written down."""
