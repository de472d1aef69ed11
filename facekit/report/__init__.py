"""What a person looks at: plots, and the page that shows a model's scores."""
