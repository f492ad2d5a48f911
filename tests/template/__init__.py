"""The stack as files: what the template, the workflow and the layer must hold, checked without running them."""
