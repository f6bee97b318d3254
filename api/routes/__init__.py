"""The routes, one concept a module."""
