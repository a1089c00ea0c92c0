"""What is kept: the journal's database, the plain log, and files of events and visits."""
