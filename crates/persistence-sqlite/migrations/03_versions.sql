-- Finds the children of a message, which are versions of the next message.
CREATE INDEX messages_by_parent ON messages (conversation_id, parent_id, position);
