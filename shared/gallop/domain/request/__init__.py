"""What a request may contain, checked before any money is spent."""
