"""The revisioned key-value store below the API server: contract, errors, keys, backends.

`interface.Store` is the contract in prose; `factory.open_store` picks a backend by address. Only
the API server imports this package (composition roots go through `apiserver.stores`).
"""
