"""What the service answers, as Pydantic models: the shapes that OpenAPI shows."""
