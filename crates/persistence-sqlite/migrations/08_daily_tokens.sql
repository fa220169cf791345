-- The tokens of each day (in days since 1970-01-01): per user, per client network and in total.
CREATE TABLE daily_tokens (
    day INTEGER NOT NULL,
    scope TEXT NOT NULL,
    key TEXT NOT NULL,
    tokens INTEGER NOT NULL,
    PRIMARY KEY (day, scope, key)
) STRICT, WITHOUT ROWID;
