"""A connection to gatehouse that breaks in the middle of its first answer, as when the server is
killed then: `python broken_answer.py ADDRESS` prints where it listens. Later ones are passed on."""

import asyncio
import sys

HEADERS, END_STREAM = 1, 1


async def pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while some := await source.read(65536):
        sink.write(some)
        await sink.drain()
    sink.close()


class Broken:
    def __init__(self, address: str):
        self._host, _, self._port = address.rpartition(":")
        self._to_break = True

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_server, to_server = await asyncio.open_connection(self._host, self._port)
        asking = asyncio.create_task(pass_on(reader, to_server))
        if self._to_break:
            await self._headers_alone(from_server, writer)
            self._to_break = False
            to_server.close()
            writer.close()
        else:
            await pass_on(from_server, writer)
        await asking

    @staticmethod
    async def _headers_alone(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """Frames (RFC 9113 §4.1) up to the headers of an answer that goes on."""
        kind, flags = None, 0
        while kind != HEADERS or flags & END_STREAM:
            frame = await source.readexactly(9)
            kind, flags = frame[3], frame[4]
            frame += await source.readexactly(int.from_bytes(frame[:3], "big"))
            sink.write(frame)
        await sink.drain()


async def main() -> None:
    server = await asyncio.start_server(Broken(sys.argv[1]).serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    print(f"{host}:{port}", flush=True)
    await server.serve_forever()


asyncio.run(main())
