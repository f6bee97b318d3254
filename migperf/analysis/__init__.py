"""What stored runs say together: comparisons, rooflines. Reads through the store; the arithmetic is that of the statistics."""
