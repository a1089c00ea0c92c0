"""Outputs for people: the overlay, the annotated video, the live picture and the kiosk window."""
