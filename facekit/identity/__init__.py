"""Who is this, and is it the same photo?"""
