"""Gallop turns reference images and a prompt into a video in your own S3 bucket.

``domain`` holds the rules and knows no SDK; ``edges`` speaks to one neighbour a module; ``doors`` creates and shows
jobs; ``steps`` is what the workflow runs. Arrows point from the last to the first, never back.
"""

__version__ = "0.1.0"
