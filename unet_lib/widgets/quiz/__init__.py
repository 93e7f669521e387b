"""See `Quiz`; lessons call `quiz`."""

from unet_lib.widgets.quiz.quiz import Quiz, quiz

__all__ = ["Quiz", "quiz"]
