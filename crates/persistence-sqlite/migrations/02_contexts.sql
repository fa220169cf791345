-- What goes to the model beside the messages, as JSON; a conversation without a row has an empty
-- context.
CREATE TABLE contexts (
    conversation_id TEXT PRIMARY KEY
        REFERENCES conversations (conversation_id) ON DELETE CASCADE,
    revision INTEGER NOT NULL,
    context TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Until when somebody has the right to write the summary.
ALTER TABLE conversations ADD COLUMN compacting_until INTEGER;
