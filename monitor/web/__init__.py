"""The pages, the API and the live socket: they read state and the database, and never run the pipeline."""
