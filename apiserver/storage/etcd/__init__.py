"""The etcd backend: the only place that knows gRPC, which it imports only when opened."""
