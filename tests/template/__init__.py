"""The stack as files: the contents of the template, the workflow and the layer, checked without running them."""
