"""Whether a run had its partition to itself, and what else may have moved its figures."""
