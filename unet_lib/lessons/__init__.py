"""What the lessons need besides the network: exercises, terms, translations, pages, a check-up of the machine."""
