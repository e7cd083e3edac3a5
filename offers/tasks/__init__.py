"""Tasks of frameworks: what they ask for, the pods that run them, their status updates."""
