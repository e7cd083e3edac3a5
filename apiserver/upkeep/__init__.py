"""What the server keeps true by itself: its own objects, quotas, the kinds that definitions make."""
