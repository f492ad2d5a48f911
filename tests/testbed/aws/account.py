"""The account that the testbed is, and where it stands."""

ACCOUNT = "123456789012"
"""moto's own default account."""
REGION = "eu-central-1"
"""A region that knows Signature Version 4 only, so that URLs signed the old way fail here as they do there."""
