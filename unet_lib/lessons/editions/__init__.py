"""The lessons for a class, from one source, the notebooks as committed: for teachers, for pupils, and for nbgrader.

    write(lessons, EDITIONS["pupils"], folder)

An edition is a function of a lesson; it touches no disk.
"""

from unet_lib.lessons.editions.exercise_cells import Exercise, find_exercises
from unet_lib.lessons.editions.folder import EDITIONS, Edition, write

__all__ = ["EDITIONS", "Edition", "Exercise", "find_exercises", "write"]
