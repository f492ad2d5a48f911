"""``make load``, ``make soak`` and ``make simulate-day``: many jobs, with kills and dead lanes; then the results."""
