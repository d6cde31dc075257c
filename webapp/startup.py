"""What is checked before any part starts: `python -m webapp.startup`.

It prints what the supervisor must know as JSON, or ends with sentences about what is wrong.
"""

from __future__ import annotations

import json
import sys

from webapp.config import BadSettings, Settings


def main() -> None:
    """Read the settings; exit status 1 and a sentence for each one that cannot be used."""
    try:
        settings = Settings.from_environment()
    except BadSettings as error:
        sys.exit(str(error))
    print(json.dumps(settings.model_dump(include={"host", "port", "workers"})))


if __name__ == "__main__":
    main()
