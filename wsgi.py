"""What gunicorn and `flask --app wsgi` load."""

import gc
import sys

# Making the application makes much and drops little: looking for circles is a sixth of the start.
gc.disable()

from webapp import create_app  # noqa: E402 - made without the collector
from webapp.config import BadSettings  # noqa: E402 - as above

try:
    app = create_app()
except BadSettings as error:
    sys.exit(str(error))
gc.freeze()
gc.enable()
