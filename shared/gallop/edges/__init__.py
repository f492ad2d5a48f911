"""The neighbours, one module each: DashScope, the table, the buckets, the queue, the workflow, the vault."""
