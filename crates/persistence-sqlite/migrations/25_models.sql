-- The model that generated an answer. It is NULL for questions, and for answers from before this migration.
ALTER TABLE messages ADD COLUMN model TEXT;
