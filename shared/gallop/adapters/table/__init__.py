"""The DynamoDB table, one module per kind of item."""
