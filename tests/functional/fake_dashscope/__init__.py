"""The fake DashScope, held against what is documented of the real one."""
