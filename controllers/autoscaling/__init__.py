"""HorizontalPodAutoscalers: replicas that follow what the pods use."""
