"""What is done without Python, because it happens a hundred times a second beside the payload that is measured."""
