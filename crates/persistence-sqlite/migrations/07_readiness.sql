-- The readiness probe writes to this table to detect a full or read-only disk.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checks INTEGER NOT NULL
) STRICT;
