"""Where relation tuples live: the `TupleStore` protocol and its SQL and memory forms."""
