"""``make load`` and ``make soak``: many jobs at once, and a steady stream of them under kills; then what came of it."""
