"""IAM, enforced: who calls, which action on which resource, and whether the template's policies allow it."""
