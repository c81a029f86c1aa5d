"""Every page rendered from fixture view-models, and what guards the forms they post."""
