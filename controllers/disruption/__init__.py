"""How many pods may be evicted now: PodDisruptionBudgets."""
