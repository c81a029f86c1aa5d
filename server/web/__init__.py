"""The only HTTP of the server: routes, forms, cookies, pages and their headers."""
