"""API Gateway's HTTP API: requests become events of payload format 2.0, replies of functions become responses."""
