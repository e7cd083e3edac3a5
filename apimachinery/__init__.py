"""The foundation: the language all roles speak. No role, no composition."""
