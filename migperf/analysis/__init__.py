"""What stored runs say together: comparisons and rooflines. Reads through the store; the statistics are elsewhere."""
