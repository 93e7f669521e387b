"""Answers to every exercise as readers would type them: right ones, then wrong ones with a piece of the hint each gets.

Written by hand, not read from the checkers.
"""

from reader_answers_00 import FUNCTIONS_00
from reader_answers_01 import FUNCTIONS_01
from reader_answers_02 import FUNCTIONS_02, PROPERTIES_02
from reader_answers_03 import FUNCTIONS_03, MODULES_03, PROPERTIES_03
from reader_answers_04 import CLASSES_04, FUNCTIONS_04
from reader_answers_05 import FUNCTIONS_05, PROPERTIES_05
from reader_answers_06 import FUNCTIONS_06
from reader_answers_07 import FUNCTIONS_07
from reader_answers_08 import FUNCTIONS_08
from reader_answers_09 import FUNCTIONS_09, NUMBERS_09

FUNCTIONS = {**FUNCTIONS_00, **FUNCTIONS_01, **FUNCTIONS_02, **FUNCTIONS_03, **FUNCTIONS_04, **FUNCTIONS_05,
             **FUNCTIONS_06, **FUNCTIONS_07, **FUNCTIONS_08, **FUNCTIONS_09}
TABLE = {**NUMBERS_09, **PROPERTIES_02, **PROPERTIES_03, **PROPERTIES_05, **MODULES_03, **CLASSES_04, **FUNCTIONS}
