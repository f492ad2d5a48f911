"""The commands for those who make videos: they use the HTTPS door, by ``gallop.client``, and nothing of AWS."""
