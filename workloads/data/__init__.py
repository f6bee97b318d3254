"""Where payloads get their samples: procedural generators and readers of real data sets."""
