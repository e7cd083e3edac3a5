"""API aggregation: groups that another server answers, behind this server's door."""
