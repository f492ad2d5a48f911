"""How jobs are created and shown: the S3 door and the HTTPS door."""
