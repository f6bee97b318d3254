"""Charts as coordinates of an SVG: drawn here, so that a page is complete without a script. Pure functions."""
