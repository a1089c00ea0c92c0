"""From observations to judged people, incidents and statistics: pure, with time as an argument."""
