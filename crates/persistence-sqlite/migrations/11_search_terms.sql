-- The index contains terms that the program finds in a message (see `search/index.rs`), so that both stores find the same
-- messages. Each term begins with a part of the user's id, so that a search reads only the postings of one user.
DROP TRIGGER messages_inserted;
DROP TRIGGER messages_deleted;
DROP TRIGGER messages_updated;
DROP TABLE messages_fts;

CREATE VIRTUAL TABLE message_terms USING fts5 (
    terms, forms, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '+#'"
);

CREATE TRIGGER message_terms_deleted AFTER DELETE ON messages BEGIN
    DELETE FROM message_terms WHERE rowid = old.id;
END;

-- While existing messages are being indexed, the id of the next one: from the newest message to the oldest.
CREATE TABLE unindexed (next_id INTEGER NOT NULL) STRICT;

INSERT INTO unindexed SELECT max(id) FROM messages HAVING max(id) IS NOT NULL;
