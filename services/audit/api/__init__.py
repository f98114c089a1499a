"""What audit answers over HTTP."""

from services.audit.api import pages, persons

routers = [pages.router, persons.router]
