"""Storage: the journal's database, the text log, and files of events and visits."""
