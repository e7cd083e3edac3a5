"""Admission policies: expressions of users that judge or change writes, without a webhook.

`compiled` reads policies and bindings, `asking` says what their expressions are asked about,
`verdicts` what the answers mean, `mutations` what they change; `validating` and `mutating` are the
steps in the admission chain, `checks` looks at policies themselves when they are written.
"""
