"""`perpmaker sandbox VENUE`: serve a venue's sandbox until stopped."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path

import anyio
import attrs
import click
import msgspec
from anyio.abc import TaskStatus

from perpmaker.cli.event_loop import run_async
from perpmaker.cli.output import claim, result
from perpmaker.cli.recording import ReadingLine
from perpmaker.cli.sandbox_failure import encode_failure, failure_of
from perpmaker.cli.screen import printable
from perpmaker.cli.seconds import Seconds
from perpmaker.clock import SystemClock
from perpmaker.config.file import parse_override
from perpmaker.config.number import LARGEST
from perpmaker.sandbox.dialect import Dialect
from perpmaker.sandbox.latency import Latency
from perpmaker.sandbox.server import SandboxLine, SandboxSettings, open_sandbox, rules_for
from perpmaker.sandbox.source_sandbox import SourceMarket, SourceSandbox, open_source_sandbox
from perpmaker.simulation.market import DEFAULT_SHAPE, SHAPES

HOST = "127.0.0.1"


def _amount(context: click.Context, parameter: click.Parameter, value: str | None) -> Decimal | None:
    """The number, exact; a usage error for what is none."""
    if value is None:
        return None

    try:
        amount = Decimal(value)
    except InvalidOperation:
        raise click.BadParameter(f"{value!r} is not a number", context, parameter) from None

    if not amount.is_finite() or amount <= 0:
        raise click.BadParameter(f"{value} is not above 0", context, parameter)

    if amount > LARGEST:
        raise click.BadParameter(f"{value} is above 10^{LARGEST.adjusted()}", context, parameter)

    return amount


@click.command()
@click.argument("venue")
@click.option("--port", type=click.IntRange(0, 65535), default=0, show_default="any free one", help="Port to serve on.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the synthetic market.")
@click.option(
    "--shape",
    type=click.Choice(tuple(SHAPES)),
    help=f"How the synthetic market behaves.  [default: {DEFAULT_SHAPE}]",
)
@click.option("--balance", callback=_amount, default="10000", show_default=True, help="What the account starts with.")
@click.option("--market", help="The market to serve.  [default: the first that the venue's sandbox knows]")
@click.option(
    "--recording",
    "recording",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE...",
    help="Serve a recorded market: the files of one raw capture of the venue's streams, in order.",
)
@click.option(
    "--recording-start",
    type=Seconds(min=0),
    metavar="SECONDS",
    help="Begin so many seconds after the recording's first line.",
)
@click.option(
    "--rules",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Rules of a market the sandbox does not know: TOML, or the venue's own list of markets (docs/sandbox.md).",
)
@click.option("--price", callback=_amount, metavar="PRICE", help="Where the synthetic market begins, with --rules.")
@click.option(
    "--order-latency-ms",
    type=click.IntRange(0, 10_000),
    default=Latency().order_ms,
    show_default=True,
    help="How long orders and cancels take to the matching engine.",
)
@click.option(
    "--feed-latency-ms",
    type=click.IntRange(0, 10_000),
    default=Latency().feed_ms,
    show_default=True,
    help="How much later market data come; 0 with a recording: as it was received.",
)
@click.option(
    "--option",
    "options",
    multiple=True,
    metavar="NAME=VALUE",
    help="How the venue behaves where venues differ (docs/sandbox.md); may be given again.",
)
@click.option("--source", metavar="NAME:MARKET", help="Serve the market of a price source too, beside it.")
@click.argument("more", nargs=-1, type=click.Path(path_type=Path), metavar="")
@click.option("--json", "as_json", is_flag=True, help="Print the line as JSON.")
@click.option("--until-stdin-closes", is_flag=True, help="Stop when standard input closes, too.")
@click.option("--line-to-fd", type=int, hidden=True, help="Write the line to this descriptor instead.")
@click.pass_context
def sandbox(  # noqa: PLR0917  # click passes by keyword
    context: click.Context,
    venue: str,
    port: int,
    seed: int,
    shape: str | None,
    balance: Decimal,
    market: str | None,
    recording: tuple[Path, ...],
    recording_start: float | None,
    rules: Path | None,
    price: Decimal | None,
    order_latency_ms: int,
    feed_latency_ms: int,
    options: tuple[str, ...],
    source: str | None,
    more: tuple[Path, ...],
    as_json: bool,
    until_stdin_closes: bool,
    line_to_fd: int | None,
) -> None:
    """Serve a sandbox of VENUE on this machine: its protocol, a simulated exchange, and a market.

    The market is made from a seed, or replayed from a recording. One line says where it is and which test keys it
    takes; with --json, one line says too why there is none. It needs no account and no network, and trades nothing
    real. It ends with SIGINT or SIGTERM.
    """
    claim()

    try:
        _refuse_idle(context.params)
        dialect, beside = _dialect(venue), None if source is None else _source(source)
        settings = SandboxSettings(
            venue=venue,
            market=market or _first_market(dialect),
            seed=seed,
            shape=shape or DEFAULT_SHAPE,
            balance=balance,
            recording=(*recording, *more),
            recording_start=recording_start or 0.0,
            rules=rules,
            price=price,
            latency=Latency(order_ms=order_latency_ms, feed_ms=feed_latency_ms),
            options=_options(options),
        )
        served = partial(_serve, dialect, beside, settings, port=port, as_json=as_json)
        run_async(partial(served, until_stdin_closes=until_stdin_closes, line_to_fd=line_to_fd))
    except Exception as raised:
        failure = failure_of(raised)

        if failure is None or not as_json:
            raise

        _say_line(encode_failure(failure), line_to_fd)
        context.exit(failure.exit_code)


def _options(given: tuple[str, ...]) -> dict[str, object]:
    """The venue's options by name; a usage error for what is not NAME=VALUE."""
    options = {}

    for text in given:
        name, equals, value = text.partition("=")

        if not (name and equals):
            raise click.BadParameter(f"{text!r} is not NAME=VALUE, such as read_lag_ms=200", param_hint="--option")

        options[name.strip()] = parse_override(value)

    return options


def _refuse_idle(given: Mapping[str, object]) -> None:
    """UsageError for options that would do nothing."""
    more = given["more"]

    if given["recording"]:
        if given["shape"] is not None:
            raise click.UsageError("--shape is of the synthetic market, and a recording takes its place: leave one out")
    elif isinstance(more, tuple) and more:
        raise click.UsageError(f"Got unexpected extra argument ({more[0]})")
    elif given["recording_start"] is not None:
        raise click.UsageError("--recording-start does nothing without --recording")

    if given["price"] is not None and given["rules"] is None:
        raise click.UsageError("--price does nothing without --rules")


def _dialect(venue: str) -> Dialect:
    from perpmaker.cli.installation import watched_catalog  # noqa: PLC0415  # looks at every installed plugin
    from perpmaker.cli.source import dialect_of  # noqa: PLC0415  # as above

    return dialect_of(watched_catalog().derivative_connector(venue))


def _first_market(dialect: Dialect) -> str:
    from perpmaker.sandbox.market_file import known_markets  # noqa: PLC0415  # as above

    return next(iter(known_markets(dialect)))


def _source(text: str) -> tuple[str, Dialect, str]:
    """Name, dialect and market of a price source, given as NAME:MARKET."""
    from perpmaker.cli.installation import watched_catalog  # noqa: PLC0415  # as above
    from perpmaker.cli.source import source_dialect  # noqa: PLC0415  # as above

    name, colon, market = text.partition(":")

    if not (name and colon and market):
        raise click.BadParameter(f"{text!r} is not NAME:MARKET, such as binance:BTC-USDT", param_hint="--source")

    return name, source_dialect(watched_catalog(), name), market


@asynccontextmanager
async def _open_source(
    source: tuple[str, Dialect, str] | None, settings: SandboxSettings, traded: Dialect
) -> AsyncIterator[SourceSandbox | None]:
    """The sandbox of the price source on a port of its own; None where there is none."""
    if source is None:
        yield None
        return

    name, dialect, market = source
    rules = rules_for(traded, settings)

    async with await anyio.create_tcp_listener(local_host=HOST) as listener:
        wanted = SourceMarket(venue=name, dialect=dialect, market=market, listener=listener, traded=rules)

        async with open_source_sandbox(wanted, settings, clock=SystemClock()) as beside:
            yield beside


async def _serve(
    dialect: Dialect,
    source: tuple[str, Dialect, str] | None,
    settings: SandboxSettings,
    *,
    port: int,
    as_json: bool,
    until_stdin_closes: bool,
    line_to_fd: int | None,
) -> None:
    try:
        listener = await anyio.create_tcp_listener(local_host=HOST, local_port=port)
    except OSError as error:
        raise click.BadParameter(f"{HOST}:{port}: {error.strerror}; choose another one", param_hint="--port") from error

    async with listener, anyio.create_task_group() as tasks:
        await tasks.start(_end_with_signal, tasks.cancel_scope)

        if until_stdin_closes:
            tasks.start_soon(_wait_for_end_of_input, tasks.cancel_scope)

        async with (
            _open_source(source, settings, dialect) as beside,
            open_sandbox(
                dialect,
                settings,
                clock=SystemClock(),
                listener=listener,
                source=None if beside is None else beside.line,
                tell=_tell,
                on_read=ReadingLine(_tell).show,
            ) as served,
        ):
            if beside is not None:
                beside.follow(served.exchange)

            _say_line(_line(served.line, as_json=as_json), line_to_fd)
            await anyio.sleep_forever()


async def _end_with_signal(scope: anyio.CancelScope, *, task_status: TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT) as signals:
        task_status.started()

        async for _ in signals:
            scope.cancel()


def _say_line(line: str, to_fd: int | None) -> None:
    """Say where the sandbox is: on standard output, or to the process that has started it, on a pipe of its own."""
    if to_fd is None:
        result(line, as_json=line.startswith("{"))
        return

    with open(to_fd, "w", encoding="utf-8") as pipe:  # noqa: PTH123  # a descriptor has no path
        pipe.write(f"{line}\n")


def _tell(text: str) -> None:
    click.echo(printable(text), err=True)


def _line(line: SandboxLine, *, as_json: bool) -> str:
    if as_json:
        return msgspec.json.encode(attrs.asdict(line)).decode()

    source = (
        "" if line.source is None else f"beside it {line.source.market} of {line.source.venue} at {line.source.url}; "
    )

    return (
        f"Sandbox of {line.venue}: {line.market} at {line.url}, {line.origin}; {line.latency}; {source}"
        f"API key {line.api_key}, secret {line.api_secret} (test keys). Stop with Ctrl-C."
    )


async def _wait_for_end_of_input(scope: anyio.CancelScope) -> None:
    source = sys.stdin.fileno()

    while True:
        # What cannot be waited for (a file, /dev/null) is always ready to be read.
        with suppress(PermissionError):
            await anyio.wait_readable(source)

        if not os.read(source, 4096):
            scope.cancel()
            return
