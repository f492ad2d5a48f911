"""Tests of drops and receipts."""
