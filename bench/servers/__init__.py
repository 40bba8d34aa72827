"""The servers that are measured, each started the same way: `SERVERS[name](stock).serving(conditions)`."""
