"""The rules for requests, drops, jobs and videos. Pure: no SDK, no clock, no environment."""
