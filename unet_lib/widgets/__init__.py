"""The widgets of the lessons; import each from its own module, so that a lesson loads only what it shows."""
