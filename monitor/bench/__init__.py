"""What things cost: replays and the live monitor, whole and in parts."""
