"""Real data that comes with the dependencies and with Python: no download."""

from __future__ import annotations

_SETS = {
    "sunspots": "yearly sunspot numbers, 1700 to 2008 (statsmodels); forecast",
    "co2": "weekly CO2 in the air over Mauna Loa, 1958 to 2001, with gaps (statsmodels); forecast",
    "digits": "1797 images of handwritten digits, 8 rows of 8 pixels each read as 8 steps (scikit-learn); classify",
    "pydocs": "paragraphs of Python's own documentation and the area each is from (Python); classify",
}


def builtin_names() -> dict[str, str]:
    """The built-in sets: name -> one line that says what it is and the task it is for."""
    return dict(_SETS)
