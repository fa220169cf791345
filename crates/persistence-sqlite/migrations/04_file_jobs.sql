-- Jobs that analyse files. Only one run at a time holds the lease of a job.
CREATE TABLE file_jobs (
    job_id TEXT PRIMARY KEY,
    conversation_id TEXT NOT NULL REFERENCES conversations (conversation_id) ON DELETE CASCADE,
    user_id TEXT NOT NULL,
    file_name TEXT NOT NULL,
    size_bytes INTEGER NOT NULL,
    token_count INTEGER NOT NULL,
    status TEXT NOT NULL,
    done INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    error_message TEXT,
    error_code TEXT,
    created_at INTEGER NOT NULL,
    message_id TEXT,
    run_id TEXT,
    lease_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX file_jobs_by_conversation ON file_jobs (conversation_id, created_at, job_id);
CREATE INDEX file_jobs_kept ON file_jobs (user_id, created_at) WHERE status IN ('running', 'failed');
CREATE INDEX file_jobs_running ON file_jobs (created_at) WHERE status = 'running';

-- The file of a running or failed job, and the byte offsets at which its parts end, as JSON.
CREATE TABLE file_texts (
    job_id TEXT PRIMARY KEY REFERENCES file_jobs (job_id) ON DELETE CASCADE,
    content TEXT NOT NULL,
    part_ends TEXT NOT NULL
) STRICT;

-- The recorded analyses of a file's parts.
CREATE TABLE file_analyses (
    job_id TEXT NOT NULL REFERENCES file_texts (job_id) ON DELETE CASCADE,
    part INTEGER NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (job_id, part)
) STRICT, WITHOUT ROWID;
