"""The MCP door: the jobs of the HTTPS door as tools, resources and a prompt for agents."""
