"""What the server keeps true by itself: its own objects, quotas' status, kinds that definitions make."""
