"""The rules: what a request, a drop, a job and a video are. Pure: no SDK, no clock, no environment."""
