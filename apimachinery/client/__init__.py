"""How every role but the API server talks to it.

`transport` moves one request, `rest.Client` speaks of resources, `informer` keeps a mirror,
`workqueue` orders the work that follows, `leader` lets one of many act, `events` tells users.
"""
