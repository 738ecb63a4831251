"""Pictures of a schema: a diagram as text, as SVG and as a page, and its reference."""
