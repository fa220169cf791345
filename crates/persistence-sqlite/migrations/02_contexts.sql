-- What goes to the model besides the messages, as JSON; a conversation without a row has an empty
-- context.
CREATE TABLE contexts (
    conversation_id TEXT PRIMARY KEY
        REFERENCES conversations (conversation_id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    context TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- When the lease for summarising the conversation expires.
ALTER TABLE conversations ADD COLUMN compacting_until INTEGER;
