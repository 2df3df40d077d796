"""The card's page of pictures; every number in them stands in the card or its comparison."""
