-- Ids are 32 hexadecimal digits, times are milliseconds since 1970.

CREATE TABLE conversations (
    id INTEGER PRIMARY KEY,
    conversation_id TEXT NOT NULL UNIQUE,
    user_id TEXT NOT NULL,
    title TEXT,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    message_count INTEGER NOT NULL DEFAULT 0,
    last_position INTEGER NOT NULL DEFAULT 0,
    total_tokens INTEGER NOT NULL DEFAULT 0,
    head TEXT,
    running_turn TEXT,
    lease_until INTEGER
) STRICT;

CREATE INDEX conversations_by_creation ON conversations (user_id, created_at, conversation_id);
CREATE INDEX conversations_by_update ON conversations (user_id, updated_at, conversation_id);
CREATE INDEX conversations_with_turn ON conversations (running_turn) WHERE running_turn IS NOT NULL;

CREATE TABLE messages (
    id INTEGER PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE,
    conversation_id TEXT NOT NULL REFERENCES conversations (conversation_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    position INTEGER NOT NULL,
    parent_id TEXT,
    turn_id TEXT,
    client_message_id TEXT,
    role TEXT NOT NULL,
    content TEXT NOT NULL,
    token_count INTEGER NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    active INTEGER NOT NULL DEFAULT 1,
    UNIQUE (conversation_id, position)
) STRICT;

CREATE INDEX messages_visible ON messages (conversation_id, active, position);
CREATE UNIQUE INDEX messages_by_client_message_id ON messages (conversation_id, client_message_id)
    WHERE client_message_id IS NOT NULL;
CREATE INDEX messages_by_turn ON messages (turn_id) WHERE turn_id IS NOT NULL;

-- The user id is indexed as well as the text, so that a search reads only the postings of one user.
CREATE VIRTUAL TABLE messages_fts USING fts5 (
    content, user_id, content = 'messages', content_rowid = 'id', tokenize = 'porter unicode61'
);

CREATE TRIGGER messages_inserted AFTER INSERT ON messages BEGIN
    INSERT INTO messages_fts (rowid, content, user_id) VALUES (new.id, new.content, new.user_id);
END;
CREATE TRIGGER messages_deleted AFTER DELETE ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, content, user_id)
    VALUES ('delete', old.id, old.content, old.user_id);
END;
CREATE TRIGGER messages_updated AFTER UPDATE OF content ON messages BEGIN
    INSERT INTO messages_fts (messages_fts, rowid, content, user_id)
    VALUES ('delete', old.id, old.content, old.user_id);
    INSERT INTO messages_fts (rowid, content, user_id) VALUES (new.id, new.content, new.user_id);
END;

CREATE TABLE sessions (
    session_id TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    conversation_id TEXT,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_by_expiry ON sessions (expires_at);

-- The highest sequence number reserved for the events of a conversation. The row is kept when its conversation is
-- deleted, so that no number is used twice.
CREATE TABLE event_numbers (
    conversation_id TEXT PRIMARY KEY,
    reserved INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
