"""Who is a stranger: decided by a threshold, found by leaving people out in turn."""
