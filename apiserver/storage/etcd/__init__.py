"""The etcd backend: the only place that knows etcd, gRPC and HTTP/2. Imported when opened."""
