"""Who may do what: RBAC and the nodes' own rules, and the roles that exist from the start."""
