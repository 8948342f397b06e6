"""Charts as data for SVG templates: scales, lines, labels and points."""
