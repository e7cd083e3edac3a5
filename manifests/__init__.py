"""Bootstrap objects and sample YAML: package data only."""
