"""The language of the Mesos v1 API: its messages, their JSON and protobuf, event streams."""
