"""``python -m console``: what ``./cardswitch`` hands over to."""

from console.main import main

if __name__ == "__main__":
    main()
