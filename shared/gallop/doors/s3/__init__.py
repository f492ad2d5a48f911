"""The S3 door: translation between dropped files and jobs."""
