"""The networks, and what they are in numbers. A model does not know that it is measured."""
