"""A model as a graph of operations: frozen, folded, measured, converted; the only room that imports tensorflowjs."""
