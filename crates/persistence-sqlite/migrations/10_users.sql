-- When each user was last active, recorded at most once a day.
CREATE TABLE users (
    user_id TEXT PRIMARY KEY,
    active_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX users_by_activity ON users (active_at);
