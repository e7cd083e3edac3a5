"""Admission webhooks: HTTPS services of users that may change or refuse writes.

`matching` decides which are asked, `review` speaks their language, `caller` reaches them,
`plugins` are the two steps in the admission chain.
"""
