"""PodSecurity: how much a pod may ask of its node, by labels of its namespace."""
