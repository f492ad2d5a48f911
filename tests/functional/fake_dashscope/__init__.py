"""The fake DashScope, compared with what is documented of the real one."""
