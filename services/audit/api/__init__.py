"""What audit answers over HTTP."""

from services.audit.api import control, pages, persons, portfolio, samples

routers = [pages.router, persons.router, control.router, samples.router, portfolio.router]
