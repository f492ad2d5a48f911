"""How jobs come in and are shown: the S3 door and the HTTPS door."""
