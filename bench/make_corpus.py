"""The two kinds of WAL: pgbench's own, which compresses well, and random content, which doesn't."""

PGBENCH_SCALE = 50
PGBENCH_SEGMENTS = 500
PGBENCH_SECONDS = 10
TWO_TO_ONE_SEGMENTS = 25
DOCUMENTS_A_BATCH = 40_000

CREATE_DOCUMENTS = "CREATE TABLE documents (id int PRIMARY KEY, body text, attachment bytea)"

# 330 bytes of hexadecimal text, which zstd halves, and 16 random bytes, which it can't
# shrink. The update that follows a checkpoint logs whole pages of such rows.
ADD_DOCUMENTS = """
INSERT INTO documents
SELECT id,
       (SELECT string_agg(md5(random()::text || id || n), ' ') FROM generate_series(1, 10) n),
       decode(md5(random()::text || id), 'hex')
FROM generate_series({first}, {last}) AS id
"""
CHANGE_DOCUMENTS = """
CHECKPOINT;
UPDATE documents SET body = md5(body || {turn}) || substr(body, 33)
WHERE id % 40 = {turn} % 40
"""


def pgbench(source):
    """A base backup and the 500 segments after it; returns their names."""
    source.start()
    server = source.server
    run = lambda *options: server.program("pgbench", *server.host(), *options, "postgres")
    run("-i", "-q", "-s", str(PGBENCH_SCALE))
    source.back_up()
    load = ["-c", "8", "-j", "2", "-T", str(PGBENCH_SECONDS), "-n", "-M", "prepared"]
    return source.load_until(PGBENCH_SEGMENTS, lambda: run(*load))


def two_to_one(source):
    """Segments of random text and bytes with full-page images; returns their names."""
    source.start()
    source.back_up()
    source.server.sql(CREATE_DOCUMENTS)
    turns = iter(range(10_000))

    def work():
        turn = next(turns)
        first = turn * DOCUMENTS_A_BATCH + 1
        last = first + DOCUMENTS_A_BATCH - 1
        source.server.sql(ADD_DOCUMENTS.format(first=first, last=last))
        source.server.sql(CHANGE_DOCUMENTS.format(turn=turn))

    return source.load_until(TWO_TO_ONE_SEGMENTS, work)
