"""Evidence of incidents: their pictures, private by default."""
