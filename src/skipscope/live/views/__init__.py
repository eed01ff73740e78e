"""The server's half of each view: a module with `ROUTES`, whose paths begin with the view's name."""

from starlette.routing import BaseRoute

from skipscope.live.views import apart, claims, convolution, curves, layers

ROUTES: tuple[BaseRoute, ...] = (
    *curves.ROUTES,
    *layers.ROUTES,
    *claims.ROUTES,
    *convolution.ROUTES,
    *apart.ROUTES,
)
