"""What each command does and shows: progress and tables for people, plain lines when piped, JSON for scripts."""
