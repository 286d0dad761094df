"""What tokens cost: the price book, how a model is found in it, and the sums. Pure: no files, no clock."""
