"""localstripe, as the tests need it: on this machine only, and without a file that outlives it.

Its own command listens on all addresses and writes everything to a fixed file.
"""

import sys

from aiohttp import web
from localstripe.resources import store
from localstripe.server import app

store.dump_to_disk = lambda: None
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]))
