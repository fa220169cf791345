-- The erasures of users, which are kept as receipts. Those without `completed_at` are continued.
CREATE TABLE erasures (
    erasure_id TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL,
    requested_at INTEGER NOT NULL,
    completed_at INTEGER,
    counts TEXT,
    lease_until INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX erasures_user ON erasures (user_id);
CREATE INDEX erasures_incomplete ON erasures (erasure_id) WHERE completed_at IS NULL;

-- Takes the free pages of the file while they are overwritten; otherwise empty.
CREATE TABLE overwritten_pages (id INTEGER PRIMARY KEY, filler BLOB NOT NULL) STRICT;
