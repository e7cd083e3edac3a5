"""Control loops: one folder each, a pure plan and a controller that does the I/O."""
