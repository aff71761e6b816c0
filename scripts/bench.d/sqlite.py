"""Runs the SQL statement on standard input against the SQLite file that is named, and prints its rows.

Statements may call seed_id(n), the nth of a row of version 7 UUIDs from 2024, in ascending order.
"""

import sqlite3
import sys

FIRST_MILLISECOND = 1704067200000


def seed_id(n):
    return (FIRST_MILLISECOND + n).to_bytes(6, "big") + b"\x70\x00\x80\x00" + n.to_bytes(6, "big")


statement = sys.stdin.read().strip()
if statement:
    connection = sqlite3.connect(sys.argv[1])
    connection.create_function("seed_id", 1, seed_id, deterministic=True)
    for row in connection.execute(statement):
        print(*row, sep="|")
    connection.commit()
    connection.close()
