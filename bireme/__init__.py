"""The face of Bireme: command line, composition and what users import."""
