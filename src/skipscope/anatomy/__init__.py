"""What a network is made of, found from the operators it calls."""
