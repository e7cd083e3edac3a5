"""ClusterRoles that collect the rules of others: admin, edit and view grow with new kinds."""
