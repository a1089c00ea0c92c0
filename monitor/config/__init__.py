"""Settings: a pydantic model for each section, and loading that names file and line."""
