-- Long conversations are written and deleted in many small transactions, so that other writers never wait long. A
-- conversation with the user '' is hidden: its import is not complete yet, or it was deleted.

-- A reset has removed the messages up to this position, which still have to be deleted.
ALTER TABLE conversations ADD COLUMN reset_through INTEGER NOT NULL DEFAULT 0;

-- The conversations with messages that still have to be deleted.
CREATE TABLE removals (
    conversation_id TEXT PRIMARY KEY
        REFERENCES conversations (conversation_id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;

-- The messages that are not hidden.
CREATE VIEW live_messages AS
SELECT messages.*
FROM messages JOIN conversations ON conversations.conversation_id = messages.conversation_id
WHERE conversations.user_id = messages.user_id AND messages.position > conversations.reset_through;

-- The size in bytes of each user's conversations. Each conversation and each message counts 512 bytes in addition to its
-- texts.
CREATE TABLE stored_bytes (
    user_id TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO stored_bytes
SELECT user_id, sum(bytes) FROM (
    SELECT user_id, 512 + octet_length(content) AS bytes FROM messages
    UNION ALL
    SELECT user_id, 512 + coalesce(octet_length(context), 0) FROM conversations LEFT JOIN contexts USING (conversation_id)
) GROUP BY user_id;

CREATE TRIGGER message_bytes_added AFTER INSERT ON messages BEGIN
    INSERT INTO stored_bytes VALUES (new.user_id, 512 + octet_length(new.content))
    ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER message_bytes_removed AFTER DELETE ON messages BEGIN
    UPDATE stored_bytes SET bytes = bytes - 512 - octet_length(old.content) WHERE user_id = old.user_id;
END;
CREATE TRIGGER message_bytes_changed AFTER UPDATE OF content ON messages BEGIN
    UPDATE stored_bytes SET bytes = bytes + octet_length(new.content) - octet_length(old.content)
    WHERE user_id = new.user_id;
END;

CREATE TRIGGER conversation_bytes_added AFTER INSERT ON conversations BEGIN
    INSERT INTO stored_bytes VALUES (new.user_id, 512)
    ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER conversation_bytes_removed AFTER DELETE ON conversations BEGIN
    UPDATE stored_bytes SET bytes = bytes - 512 WHERE user_id = old.user_id;
END;
CREATE TRIGGER conversation_bytes_moved AFTER UPDATE OF user_id ON conversations
WHEN new.user_id <> old.user_id BEGIN
    UPDATE stored_bytes SET bytes = bytes - 512 WHERE user_id = old.user_id;
    INSERT INTO stored_bytes VALUES (new.user_id, 512)
    ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER context_bytes_added AFTER INSERT ON contexts BEGIN
    UPDATE stored_bytes SET bytes = bytes + octet_length(new.context)
    WHERE user_id = (SELECT user_id FROM conversations WHERE conversation_id = new.conversation_id);
END;
CREATE TRIGGER context_bytes_removed AFTER DELETE ON contexts BEGIN
    UPDATE stored_bytes SET bytes = bytes - octet_length(old.context)
    WHERE user_id = (SELECT user_id FROM conversations WHERE conversation_id = old.conversation_id);
END;
CREATE TRIGGER context_bytes_changed AFTER UPDATE OF context ON contexts BEGIN
    UPDATE stored_bytes SET bytes = bytes + octet_length(new.context) - octet_length(old.context)
    WHERE user_id = (SELECT user_id FROM conversations WHERE conversation_id = new.conversation_id);
END;
