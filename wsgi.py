"""What gunicorn and `flask --app wsgi` load."""

import sys

from webapp import create_app
from webapp.config import BadSettings

try:
    app = create_app()
except BadSettings as error:
    sys.exit(str(error))
