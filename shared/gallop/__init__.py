"""Gallop turns a text, images or a video into a new video in your own S3 bucket.

``domain`` holds the rules and uses no SDK; ``adapters`` call other systems, one per module; ``doors`` create and show
jobs; ``steps`` are what the state machines run. No package imports one that follows it in this list.
"""

__version__ = "0.1.0"
