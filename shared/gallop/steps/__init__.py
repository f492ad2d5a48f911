"""The steps of the workflows and of the schedule, one per module."""
