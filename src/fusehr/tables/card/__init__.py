"""The data set card: what the tables hold, in words, in one comparison and on one page."""
