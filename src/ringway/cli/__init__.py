"""The command line: `ringway`.

app.py        the commands and their help
serve.py      `ringway serve`: a server until it is told to stop
demo/         `ringway demo`: the main job on real sockets
"""


def main() -> None:
    """Run the command line; the entry point of the package."""
    from ringway.cli.app import run  # noqa: PLC0415 - `import ringway.cli` stays cheap

    run()
