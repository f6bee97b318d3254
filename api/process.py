"""The application in a process of its own: ``uvicorn api.process:application --factory``."""

import gc

from fastapi import FastAPI

from api.app import create_app


def application() -> FastAPI:
    """Return the application. What it is made of is kept out of the garbage collector's sight: it stays anyway.

    Looking through all of it takes 0.2 s, in which nobody is answered, whenever pages with long charts were made.
    """
    app = create_app()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 10, 10)  # a chart of ten thousand points is a hundred thousand objects, all in use
    return app
