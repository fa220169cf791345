-- The error of an answer whose turn failed.
ALTER TABLE messages ADD COLUMN error_message TEXT;
ALTER TABLE messages ADD COLUMN error_code TEXT;
