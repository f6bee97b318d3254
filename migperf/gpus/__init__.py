"""What hardware there is and how it is cut."""
