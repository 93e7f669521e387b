"""Short films of the U-Net: scenes for Manim, their shared pieces, and the clips rendered from them.

`python -m animations.render` renders; `manifest` knows which clips there are, without importing Manim.
"""
