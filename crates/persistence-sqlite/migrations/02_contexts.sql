-- The contexts of conversations, as JSON. A conversation without a row has an empty context.
CREATE TABLE contexts (
    conversation_id TEXT PRIMARY KEY
        REFERENCES conversations (conversation_id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    context TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- The expiry time of the conversation's compaction lease.
ALTER TABLE conversations ADD COLUMN compacting_until INTEGER;
