"""What a source really delivers, whether faces in it can be analysed, and what to change."""
