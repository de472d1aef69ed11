"""How a program asks over HTTP, and what the answers were like. Parts need different extras: import them singly."""
