-- Files are kept with their conversations, and count towards the stored bytes of their users.
INSERT INTO stored_bytes
SELECT user_id, sum(octet_length(content)) FROM file_texts JOIN file_jobs USING (job_id) WHERE TRUE GROUP BY user_id
ON CONFLICT (user_id) DO UPDATE SET bytes = bytes + excluded.bytes;

CREATE TRIGGER file_bytes_added AFTER INSERT ON file_texts BEGIN
    UPDATE stored_bytes SET bytes = bytes + octet_length(new.content)
    WHERE user_id = (SELECT user_id FROM file_jobs WHERE job_id = new.job_id);
END;
CREATE TRIGGER file_bytes_removed AFTER DELETE ON file_texts BEGIN
    UPDATE stored_bytes SET bytes = bytes - octet_length(old.content)
    WHERE user_id = (SELECT user_id FROM file_jobs WHERE job_id = old.job_id);
END;
-- A cascade would delete the job, and with it the user, before the file.
CREATE TRIGGER file_job_removed BEFORE DELETE ON file_jobs BEGIN
    DELETE FROM file_texts WHERE job_id = old.job_id;
END;
