-- Why the turn of an answer failed, if it did.
ALTER TABLE messages ADD COLUMN error_message TEXT;
ALTER TABLE messages ADD COLUMN error_code TEXT;
