"""The published FYERS client's parser of market-data frames, without its socket."""

import logging
import sys
import types


def parser(on_message, symbols):
    """Give the function that its WebSocket hands every frame to."""
    log = types.ModuleType("fyers_apiv3.fyers_logger")

    class Logger:
        """Writes no files; what the client only logs is raised."""

        def __init__(self, *_, **__):
            pass

        def exception(self, error):
            raise error

        def error(self, *what):
            raise RuntimeError(what)

        def info(self, *_):
            pass

        debug = info

    log.FyersLogger = Logger
    sys.modules["fyers_apiv3.fyers_logger"] = log
    kept, logging.FileHandler = logging.FileHandler, lambda *_, **__: None
    try:
        # It opens a log file where it is imported, so the handler is away for that moment.
        from fyers_apiv3.FyersWebsocket import data_ws  # noqa: PLC0415

        client = data_ws.FyersDataSocket("app:token", on_message=on_message)
    finally:
        logging.FileHandler = kept
    client.symbol_token = symbols
    return client._FyersDataSocket__response_msg
