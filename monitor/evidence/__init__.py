"""What shows that something happened: pictures of incidents, private by default."""
