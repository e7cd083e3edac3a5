"""HTTPS on one side, `wire` values on the other: sockets, connections, how answers leave."""
