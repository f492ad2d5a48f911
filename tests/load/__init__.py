"""``make load`` and ``make soak``: many jobs at once, and a steady stream of them with kills; then the results."""
