-- The users of identity providers, who sign in to an account.
CREATE TABLE identities (
    issuer TEXT NOT NULL,
    subject TEXT NOT NULL,
    user_id TEXT NOT NULL,
    granted_role TEXT,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (issuer, subject),
    UNIQUE (user_id, issuer)
) STRICT, WITHOUT ROWID;

-- The session of the identity provider with which the user has signed in.
ALTER TABLE sessions ADD COLUMN provider TEXT;
ALTER TABLE sessions ADD COLUMN provider_issuer TEXT;
ALTER TABLE sessions ADD COLUMN provider_session TEXT;

CREATE INDEX sessions_of_provider ON sessions (provider_session, provider_issuer)
WHERE provider_session IS NOT NULL;
