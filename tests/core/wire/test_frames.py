"""Frames cut out of bytes: the same messages as the protocol engine reads, in whatever pieces they come."""

from __future__ import annotations

from itertools import pairwise

import attrs
from hypothesis import given
from hypothesis import strategies as st
from wsproto.connection import Connection, ConnectionType
from wsproto.events import CloseConnection, Message, Ping
from wsproto.frame_protocol import FrameProtocol

from perpmaker.wire.frames import FrameCutter

MOST = 70_000

_texts = st.one_of(st.text(max_size=20), st.sampled_from(["x" * 125, "x" * 126, "€" * 300, "x" * 65_535, "x" * 65_536]))
_broken = st.sampled_from(
    [b"\x81\x81\0\0\0\0x", b"\x81\x7e\x00\x01x", b"\x81\x02\xff\xff", b"\xc1\x01x", b"\x80\x00", b"\x83\x00"]
)
"""Masked, a length of too many bytes, no text, a reserved bit, the continuation of nothing, no opcode."""


@attrs.define
class Reader:
    """What a protocol engine finds in bytes: whole messages, pings and the end, in order."""

    engine: Connection = attrs.field(factory=lambda: Connection(ConnectionType.CLIENT))
    found: list[str | bytes] = attrs.field(factory=list)
    parts: list[str | bytes] = attrs.field(factory=list)
    is_over: bool = False

    def read(self, data: bytes) -> None:
        """Read on, up to the end."""
        if self.is_over:
            return

        self.engine.receive_data(data)

        for event in self.engine.events():
            match event:
                case Message(data=part, message_finished=is_finished):
                    self.parts.append(bytes(part) if isinstance(part, bytearray) else part)

                    if is_finished:
                        self.found += [type(part)().join(self.parts)]
                        self.parts = []
                case Ping(payload=payload):
                    self.found.append(bytes(payload))
                case CloseConnection(code=code):
                    self.found.append(f"over: {code}")
                    self.is_over = True
                    return


@st.composite
def _frames(draw: st.DrawFn) -> bytes:
    """One message or control frame as a server sends it, or something that is none."""
    server, text = FrameProtocol(client=False, extensions=[]), draw(_texts)
    amid = server.send_data(text, fin=False) + server.ping(b"amid")
    whole = FrameProtocol(client=False, extensions=[])

    return draw(
        st.one_of(
            st.just(bytes(whole.send_data(text, fin=True))),
            st.just(bytes(whole.send_data(text.encode(), fin=True))),
            st.just(bytes(amid)),
            st.just(bytes(amid + server.send_data("end", fin=True))),
            st.just(bytes(whole.ping(b"1"))),
            _broken,
            st.binary(max_size=8),
        )
    )


@given(frames=st.lists(_frames(), min_size=1, max_size=6), cuts=st.lists(st.integers(1, 70_000), max_size=8))
def test_cut_frames_are_what_the_engine_alone_reads(frames: list[bytes], cuts: list[int]) -> None:
    """The same messages, pings and ends, wherever the bytes are divided."""
    data = b"".join(frames) + b"\0" * 14  # so that no header at the end is unfinished: the engine judges parts of one
    edges = [0, *sorted({cut % len(data) for cut in cuts} - {0}), len(data)]
    alone, beside, cutter = Reader(), Reader(), FrameCutter(MOST)

    for begin, end in pairwise(edges):
        alone.read(data[begin:end])

        for part in cutter.cut(data[begin:end]):
            if isinstance(part, bytes):
                beside.read(part)
            elif not beside.is_over:
                beside.found.append(part)

    assert beside.found == alone.found
