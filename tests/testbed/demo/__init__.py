"""``make demo``: two jobs through both doors of a Gallop on this machine, and checks of the two videos."""
