"""What the lessons need besides the network: exercises, glossary, translations, HTML export, a check of the machine."""
