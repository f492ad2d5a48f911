"""Gallop turns a text, images or a video into a new video in your own S3 bucket.

``domain`` holds the rules and uses no SDK; ``adapters`` call other systems, one per module; ``doors`` create and show
jobs; ``steps`` are what the state machines run. No package imports one that follows it in this list.
"""

import gc
import os

__version__ = "0.1.0"

# A function that starts makes tens of thousands of objects and no garbage: looking for some takes a tenth of its start.
# Only there: what it means for other programs, which import the client, is theirs to decide.
if "AWS_LAMBDA_FUNCTION_NAME" in os.environ:
    gc.set_threshold(50_000, 20, 20)
