"""A module that only the probe's layer has."""

NAME = "probe_layer"
