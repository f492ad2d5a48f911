"""The one table, one module per kind of item."""
