-- The readiness probe writes here, to notice a disk that is full or read-only.
CREATE TABLE readiness (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    checks INTEGER NOT NULL
) STRICT;
