"""What is searched for instead of being measured as given: the highest rate, the largest batch."""
