"""IAM, enforced: the caller, the actions and resources of a call, and whether the template's policies allow them."""
