"""The pages, the API and the live socket; they read the state and the database, and never run the pipeline."""
