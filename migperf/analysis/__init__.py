"""What stored runs say together: comparisons. Reads through the store; the arithmetic is that of the statistics."""
