"""How objects of each kind are written: the generic course and each kind's own rules."""
