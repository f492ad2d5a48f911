"""The testbed's account and region."""

ACCOUNT = "123456789012"
"""moto's default account."""
REGION = "eu-central-1"
"""A region that accepts only Signature Version 4, so that URLs signed the old way fail here as they do on AWS."""
