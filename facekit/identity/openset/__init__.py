"""Who is a stranger: people left out in turn say how near strangers come, and known faces how near is near enough."""
