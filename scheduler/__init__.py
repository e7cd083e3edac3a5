"""Level two for pods: one framework among others."""
