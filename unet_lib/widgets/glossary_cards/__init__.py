"""The glossary on cards beside bold terms; see `glossary_cards.py`."""

from unet_lib.widgets.glossary_cards.glossary_cards import glossary_cards

__all__ = ["glossary_cards"]
