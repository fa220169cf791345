-- The reasoning of the model before an answer, how long it took, and the number of its tokens.
ALTER TABLE messages ADD COLUMN reasoning TEXT;
ALTER TABLE messages ADD COLUMN reasoning_ms INTEGER;
ALTER TABLE messages ADD COLUMN reasoning_tokens INTEGER;

-- The stored bytes of a user include the reasoning.
DROP TRIGGER message_bytes_added;
DROP TRIGGER message_bytes_removed;
DROP TRIGGER message_bytes_changed;
CREATE TRIGGER message_bytes_added AFTER INSERT ON messages BEGIN
    INSERT INTO stored_bytes
    VALUES (new.user_id, 512 + octet_length(new.content) + coalesce(octet_length(new.reasoning), 0))
    ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes;
END;
CREATE TRIGGER message_bytes_removed AFTER DELETE ON messages BEGIN
    UPDATE stored_bytes
    SET bytes = bytes - 512 - octet_length(old.content) - coalesce(octet_length(old.reasoning), 0)
    WHERE user_id = old.user_id;
END;
CREATE TRIGGER message_bytes_changed AFTER UPDATE OF content, reasoning ON messages BEGIN
    UPDATE stored_bytes
    SET bytes = bytes + octet_length(new.content) + coalesce(octet_length(new.reasoning), 0)
        - octet_length(old.content) - coalesce(octet_length(old.reasoning), 0)
    WHERE user_id = new.user_id;
END;
