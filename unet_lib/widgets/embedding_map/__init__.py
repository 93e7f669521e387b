"""See `EmbeddingMap`."""

from unet_lib.widgets.embedding_map.embedding_map import EmbeddingMap

__all__ = ["EmbeddingMap"]
