"""Marathon's REST API as a framework: long-running apps on the offer API.

`bireme marathon` starts it. It knows of the cluster what any framework knows: offers and task
updates, through `offers.sdk`. Deciding is pure: `paths`, `spec`, `validation`, `update` (what is
asked for), `deployment`, `rolling`, `planner` (what to do next), `constraints`, `ports`,
`matching`, `launch` (where and how), `instance`, `health`, `delays` (what became of it). Doing is
`engine` with `journal`, `checks` and `bus`; `http/` answers requests; `service` joins them.
"""
