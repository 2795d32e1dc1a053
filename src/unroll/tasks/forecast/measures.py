"""Which of several columns of numbers is to be forecast, where each of many series has them all."""

from __future__ import annotations

import re
from collections.abc import Sequence

#: What the columns are called for whose sake such tables are kept; words of a longer name may stand before and after.
_MEASURES = re.compile(
    r"(?i)(?:^|.*[\W_])(?:sales?|sold|demand|quantity|qty|unit_sales|units_sold|num_sold|revenue|turnover|orders|visitors"
    r"|cnt|count|load|consumption|kwh|usage|value|target|y|판매량|판매수량|매출|매출액|수요|수요량|사용량|값)(?:$|[\W_].*)"
)


def measured(numbers: Sequence[str]) -> str | None:
    """The only one of several columns that is called as what is forecast; None if none is, or several are.

    >>> measured(["DayOfWeek", "Sales", "Customers"]), measured(["open", "close"]), measured(["sales"])
    ('Sales', None, None)
    """
    found = [name for name in numbers if _MEASURES.fullmatch(name)]
    return found[0] if len(found) == 1 < len(numbers) else None
