"""The only FastAPI of the server: routes, forms, cookies, pages and their headers."""
