-- Why there is no answer, or no whole one.
ALTER TABLE messages ADD COLUMN error_message TEXT;
ALTER TABLE messages ADD COLUMN error_code TEXT;
