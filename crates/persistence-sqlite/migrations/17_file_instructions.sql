-- What the user asked for when the file was last analysed; NULL if it was the default analysis.
ALTER TABLE file_jobs ADD COLUMN instructions TEXT;

-- The question to the answer `message_id`.
ALTER TABLE file_jobs ADD COLUMN question_id TEXT;
UPDATE file_jobs
SET question_id = (SELECT parent_id FROM messages WHERE messages.message_id = file_jobs.message_id)
WHERE message_id IS NOT NULL;
