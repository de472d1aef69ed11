"""Why a picture is left out: the words of `rejected.jsonl`."""

SMALL, BLURRED, DARK, BRIGHT = "too small", "blurred", "too dark", "too bright"
FLAT, CLIPPED, TURNED, LEANING = "too little contrast", "too much black or white", "turned aside", "leaning"
REPEAT, SHARED, FEW, BEYOND = "repeat", "under two names", "name with too few", "name beyond --people"
REVIEWED = "rejected in review"
