-- Finds the children of a message: the versions of the next one.
CREATE INDEX messages_by_parent ON messages (conversation_id, parent_id, position);
