"""The commands: composition roots and nothing else. Each module is one command or one noun."""
