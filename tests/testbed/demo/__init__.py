"""``make demo``: two jobs through both doors of a Gallop on this machine, to two videos that are checked."""
