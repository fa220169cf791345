-- The users who can sign in.
CREATE TABLE accounts (
    user_id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password TEXT,
    must_change_password INTEGER NOT NULL,
    version INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    disabled_at INTEGER,
    signed_in_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX accounts_active_admins ON accounts (user_id) WHERE role = 'admin' AND disabled_at IS NULL;

-- All are NULL if nobody is signed in.
ALTER TABLE sessions ADD COLUMN signed_in_at INTEGER;
ALTER TABLE sessions ADD COLUMN device TEXT;
ALTER TABLE sessions ADD COLUMN account_version INTEGER;

CREATE INDEX sessions_signed_in ON sessions (user_id) WHERE signed_in_at IS NOT NULL;
