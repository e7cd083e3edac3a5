"""One module per verb or special path; each offers `handle`, and none knows of sockets."""
