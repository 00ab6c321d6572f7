"""The code of a page of documentation."""

import re

BLOCK = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks_of(path):
    """The Python blocks of a page, in order."""
    with open(path) as page:
        return BLOCK.findall(page.read())
