"""Decoding of images and videos that come from outside."""
