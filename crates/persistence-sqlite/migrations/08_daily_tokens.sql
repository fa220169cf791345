-- The tokens of each day (days since 1970-01-01), by user, by client address and in all.
CREATE TABLE daily_tokens (
    day INTEGER NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (day, scope, key)
) STRICT, WITHOUT ROWID;
