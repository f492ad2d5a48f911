"""What the probe's layer brings."""

NAME = "probe_layer"
