"""What is meant where nobody says otherwise. Apart from what computes, so that documents can be read without it."""

LEVEL = 0.95
"""Confidence level of an interval."""
MARGIN = 0.01
"""Relative change below which two things count as the same."""
