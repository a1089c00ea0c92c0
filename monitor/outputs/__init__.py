"""What people see: the overlay, the annotated video, and the pictures of incidents."""
