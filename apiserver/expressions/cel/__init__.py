"""The Common Expression Language as Kubernetes speaks it: parse, check, estimate, evaluate; pure.

`lexer` and `parser` make a `tree`, `checker` finds its `types` with the help of `declarations`,
`cost` says what it may cost at most, `program` turns it into closures that call `library`.
`docs/design/0019-expressions-of-our-own.md` says why this is ours.
"""
