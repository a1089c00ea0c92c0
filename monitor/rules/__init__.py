"""Turns observations into verdicts, visits, incidents and statistics; pure, with time as an argument."""
