"""The agent's Mesos side: custom executors and those who look on, at port 5051 of the node."""
