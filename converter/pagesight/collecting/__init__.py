"""Pictures from the phones in a room: who may send, what waits, and what the server answers. Nothing is written to disk."""
