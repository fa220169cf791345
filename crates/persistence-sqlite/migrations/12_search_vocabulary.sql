-- The terms of all messages, so that a search finds words that begin like one of its words, but have another stem.
CREATE VIRTUAL TABLE message_vocabulary USING fts5vocab(message_terms, row);
