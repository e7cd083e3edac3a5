"""Level one of scheduling: who is offered which resources."""
