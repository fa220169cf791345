-- Lists only conversations that are not empty, however many empty ones a user has.
DROP INDEX conversations_by_update;
CREATE INDEX conversations_by_update ON conversations (user_id, archived, updated_at, conversation_id)
    WHERE message_count > 0 OR title IS NOT NULL;
