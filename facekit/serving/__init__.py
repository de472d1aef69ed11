"""How a program asks over HTTP."""
