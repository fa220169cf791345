-- Whether the user has archived the conversation.
ALTER TABLE conversations ADD COLUMN archived INTEGER NOT NULL DEFAULT 0;

DROP INDEX conversations_by_update;
CREATE INDEX conversations_by_update
    ON conversations (user_id, archived, updated_at, conversation_id);
