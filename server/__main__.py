"""`python -m server` is `mandate`."""

from server.cli import main

if __name__ == "__main__":
    main()
