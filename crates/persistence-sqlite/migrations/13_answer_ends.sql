-- When the turn that generated an answer ended.
ALTER TABLE messages ADD COLUMN ended_at INTEGER;
