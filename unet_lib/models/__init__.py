"""Networks: their plans, their blocks, how they are built, kept and changed."""
