"""Placing runs on partitions and executing them: placement passes, wake-ups by Celery, the node's worker."""
