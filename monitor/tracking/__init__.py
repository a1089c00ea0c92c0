"""Library trackers behind the `Tracker` port."""
