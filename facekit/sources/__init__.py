"""Where photos are found: search engines, and the browsers that drive them."""
