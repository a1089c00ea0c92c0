"""The commands and their output: progress and tables for people, plain lines when piped, JSON for scripts."""
