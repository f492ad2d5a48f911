"""The HTTPS door: translation between HTTP and jobs."""
