"""The networks. A model does not know that it is measured."""
