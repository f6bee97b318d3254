"""What DCGM measures of GPUs, read from the page of a dcgm-exporter: all that A100 and A30 tell of their activity."""
