"""A TCP proxy that makes a store look far away: each answer leaves some milliseconds later.

    latency_proxy.py LISTEN_PORT UPSTREAM_PORT MILLISECONDS

A connection takes turns: what the client sends goes through at once; the first byte of
the answer waits the whole delay, the rest of that answer follows at full speed. Neither
bandwidth nor the number of connections is limited.
"""

import asyncio
import sys

HIGH_WATER = 4 * 1024 * 1024


class Turn:
    """Whether the next bytes from the store begin an answer."""

    begins_answer = False


async def forward_requests(reader, writer, turn):
    while data := await reader.read(1 << 20):
        turn.begins_answer = True
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def forward_answers(reader, writer, turn, delay):
    while data := await reader.read(1 << 20):
        if turn.begins_answer:
            turn.begins_answer = False
            await asyncio.sleep(delay)
        writer.write(data)
        await writer.drain()
    writer.write_eof()


async def serve(client_reader, client_writer, upstream_port, delay):
    turn = Turn()
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", upstream_port, limit=HIGH_WATER)
    except OSError:
        client_writer.close()
        return
    ways = [
        asyncio.ensure_future(forward_requests(client_reader, writer, turn)),
        asyncio.ensure_future(forward_answers(reader, client_writer, turn, delay)),
    ]
    try:
        await asyncio.gather(*ways)
    except OSError:
        pass
    finally:
        for way in ways:
            way.cancel()
        writer.close()
        client_writer.close()


async def main(listen_port, upstream_port, milliseconds):
    async def accept(reader, writer):
        await serve(reader, writer, upstream_port, milliseconds / 1000)

    server = await asyncio.start_server(accept, "127.0.0.1", listen_port, limit=HIGH_WATER)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
