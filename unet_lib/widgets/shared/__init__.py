"""What several widgets use: their base class, masks, patients, and the scripts and styles beside them."""
